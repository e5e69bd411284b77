/**
 * Which hosts an effect may reach: those of an allow-list, at addresses of the public internet. A
 * host is judged by the address that is connected to, not by how it is spelled, so that
 * `127.0.0.1`, `2130706433`, `0x7f.1`, `[::1]` and a name that resolves to any of them are one.
 */
import ipaddr from "ipaddr.js";
import { ReachError } from "../base/index.ts";
import { GiveUp } from "./effect-definition.ts";

const portOf: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" };

/** All that has been given out of IPv6; what lies elsewhere leads to no public host. */
const globalUnicast = ipaddr.IPv6.parseCIDR("2000::/3");

/** Whether an address is one of the public internet. See IANA's special-purpose registries. */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  // An IPv4 address inside of an IPv6 one is the IPv4 address.
  const judged = ipaddr.process(address);
  if (judged instanceof ipaddr.IPv6 && !judged.match(globalUnicast)) return false;
  return judged.range() === "unicast";
}

/** An entry of an allow-list, taken apart. */
interface AllowedHost {
  readonly host: string;
  /** Also every name below it. */
  readonly below: boolean;
  readonly port: string | undefined;
}

/** The hosts that may be reached. */
export class AddressRules {
  readonly #hosts: readonly AllowedHost[];
  readonly #private: ReadonlySet<string>;

  /**
   * `hosts`: `api.example.com`, `*.example.com`, either with `:port`; without one, the port of the
   * scheme. `privateHosts`: `host:port` of this machine or network that may be reached all the
   * same, spelled as in the URL. Throws `CONFIG_INVALID` for what is no list of these.
   */
  constructor(hosts: readonly string[], privateHosts: readonly string[]) {
    checkList("allow", hosts);
    checkList("allowPrivate", privateHosts);
    this.#hosts = hosts.map(allowedHost);
    this.#private = new Set(privateHosts.map((host) => host.toLowerCase()));
  }

  /** Whether this host may be reached at whatever address it has. */
  isPrivate(url: URL): boolean {
    return this.#private.has(`${url.hostname}:${effectivePort(url)}`);
  }

  /** Throws `GiveUp` for a URL that must not be fetched, before anything is connected to. */
  check(url: URL): void {
    if (url.protocol !== "https:" && url.protocol !== "http:") {
      throw refused(url, `its scheme is ${url.protocol.slice(0, -1)}, not http or https`);
    }
    if (url.username !== "" || url.password !== "") {
      throw refused(url, "it carries a password: put credentials into a header");
    }
    if (this.isPrivate(url)) return;
    const host = url.hostname.replace(/\.$/, "");
    const port = effectivePort(url);
    const allowed = this.#hosts.some(({ host: name, below, port: only }) => {
      const named = below ? host.endsWith(`.${name}`) : host === name;
      return named && (only ?? portOf[url.protocol]) === port;
    });
    if (!allowed) throw refused(url, "its host is not on the list of allowed ones");
    const literal = host.startsWith("[") ? host.slice(1, -1) : host;
    if (ipaddr.isValid(literal)) this.checkAddress(url, literal);
  }

  /** Throws `GiveUp` when an address that the host of `url` resolved to is not public. */
  checkAddress(url: URL, address: string): void {
    if (this.isPrivate(url) || isPublicAddress(address)) return;
    throw refused(url, `its host is at ${address}, which is not an address of the public internet`);
  }
}

/** The port that a URL leads to, also where it is the one of its scheme; empty if it has none. */
export function effectivePort({ port, protocol }: URL): string {
  return port === "" ? (portOf[protocol] ?? "") : port;
}

function allowedHost(text: string): AllowedHost {
  const [, star, host = "", port] = /^(\*\.)?(.+?)(?::(\d{1,5}))?$/.exec(text.toLowerCase()) ?? [];
  return { host, below: star !== undefined, port };
}

function checkList(option: string, hosts: unknown): void {
  if (Array.isArray(hosts) && hosts.every((host) => typeof host === "string")) return;
  throw new ReachError("CONFIG_INVALID", `\`${option}\` of http.fetch is no list of hosts`, {
    hint: `say whom it may reach: httpFetch({ ${option}: ["api.example.com"] })`,
  });
}

function refused(url: URL, why: string): GiveUp {
  const shown = `${url.protocol}//${url.host}`;
  return new GiveUp(`${shown} is not fetched: ${why}`, { code: "HTTP_REFUSED" });
}
