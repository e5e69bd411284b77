/**
 * The built-in effect `http.fetch`: requests to hosts of an allow-list, never to addresses of this
 * machine or network, which holds for every redirect, too. Programs get the response as plain data.
 */
import { lookup as systemLookup } from "node:dns";
import type { LookupFunction } from "node:net";
import type { Agent, Dispatcher } from "undici";
import { messageOf } from "../base/index.ts";
import { AddressRules } from "./address-rules.ts";
import {
  type EffectDefinition,
  type EffectPolicy,
  GiveUp,
  isGiveUp,
  TryAgain,
} from "./effect-definition.ts";
import { HostHeaders } from "./host-headers.ts";

/** What a program asks for. */
export interface HttpRequest {
  readonly url: string;
  /** Default: GET. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text or bytes as they are; with `json`, a value that is sent as JSON. */
  readonly body?: string | Uint8Array;
  readonly json?: unknown;
  /** What `body` of the response is: `json` (default where it says so), `text`, or `bytes`. */
  readonly as?: "json" | "text" | "bytes";
}

/** What a program gets: the last response, after redirects. */
export interface HttpResponse {
  readonly status: number;
  /** Names in lower case; several of one name joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  readonly url: string;
  readonly body: unknown;
}

/**
 * Resolves a name as `dns.lookup` of Node does when it is asked for `all`; its own type is not
 * used, since who has a configuration need not have the types of Node.
 */
export type HostLookup = (
  host: string,
  options: { readonly all: true },
  done: (error: Error | null, found: string | { address: string; family: number }[]) => void,
) => void;

/** How `http.fetch` is set up. */
export interface HttpFetchOptions extends EffectPolicy {
  /** Hosts that may be reached: `api.example.com`, `*.example.com`, with `:port` if need be. */
  readonly allow: readonly string[];
  /** `host:port` of this machine or network that may be reached all the same. */
  readonly allowPrivate?: readonly string[];
  /** Largest body of a response. Default: 8 MiB. */
  readonly bytesMax?: number;
  /** Default: 5. */
  readonly redirectsMax?: number;
  /**
   * Headers of every request to a host, such as credentials: programs never see them. By host, over
   * https only; by `host:port` or by origin, `http://host`, over whatever that says.
   */
  readonly headersFor?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Statuses that another try may better. Default: 429, 502, 503, 504. */
  readonly retryOn?: readonly number[];
  /** Resolves names; for tests. Default: the resolver of the system. */
  readonly lookup?: HostLookup;
}

const usual = { bytesMax: 8 * 1024 * 1024, redirectsMax: 5, retryOn: [429, 502, 503, 504] };
/**
 * Dropped when a redirect leads to another origin: what RFC 9110, section 15.4, names, and the
 * headers in which usual APIs take their keys.
 */
const credentials = [
  "authorization",
  "cookie",
  "proxy-authorization",
  "api-key",
  "x-api-key",
  "x-goog-api-key",
  "x-auth-token",
  "private-token",
];
/** Origins to which connections are kept. */
const originsMax = 100;
const redirects = [301, 302, 303, 307, 308];

/** Makes the effect `http.fetch`, or another one of its kind with other rules. */
export function httpFetch(options: HttpFetchOptions): EffectDefinition {
  const { allow, allowPrivate = [], headersFor = {}, lookup = systemLookup, ...other } = options;
  const {
    bytesMax = usual.bytesMax,
    redirectsMax = usual.redirectsMax,
    retryOn = usual.retryOn,
    ...policy
  } = other;
  const added = new HostHeaders(headersFor);
  const rules = new AddressRules(allow, allowPrivate);
  const agents = new Agents(rules, lookup);
  return {
    ...policy,
    async run(input: HttpRequest, { key, signal }) {
      const limits = { bytesMax, redirectsMax, retryOn };
      const fetching = new Fetching({ rules, agents, added, limits, signal });
      const response = await fetching.run(firstHop(input, key));
      if (retryOn.includes(response.status)) {
        throw new TryAgain(`${response.url} answered ${response.status}`, response);
      }
      return response;
    },
  };
}

type Client = typeof import("./http-client.ts");

/** Loaded with the first request: every command reads the configuration, few ever send one. */
const loadClient = (): Promise<Client> => import("./http-client.ts");

/** A request on the way to its next host. */
interface Hop {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | null;
  readonly as: HttpRequest["as"];
}

function firstHop(input: HttpRequest, key: string): Hop {
  const { url: text, method = "GET", json, as } = input ?? {};
  if (typeof text !== "string" || !URL.canParse(text)) {
    throw new GiveUp(`${JSON.stringify(text)} is no URL`, { code: "HTTP_REFUSED" });
  }
  const url = new URL(text);
  const refused = (why: string): GiveUp => unsendable(url, why);
  if (typeof method !== "string") throw refused(`its method is ${typeof method}, and not text`);
  // The host is what the URL says: that is what was judged, and what headers are added for.
  const given = Object.entries(input.headers ?? {})
    .map(([name, value]) => [name.toLowerCase(), String(value)] as const)
    .filter(([name]) => name !== "host");
  const headers: Record<string, string> = { "accept-encoding": "identity" };
  if (json !== undefined) headers["content-type"] = "application/json";
  const name = method.toUpperCase();
  if (name !== "GET" && name !== "HEAD") headers["idempotency-key"] = key;
  Object.assign(headers, Object.fromEntries(given));
  const body = json === undefined ? (input.body ?? null) : jsonText(json, refused);
  if (body !== null && typeof body !== "string" && !(body instanceof Uint8Array)) {
    throw refused("its body is neither text nor bytes: `json` takes values");
  }
  return { url, method: name, headers, body, as };
}

function jsonText(value: unknown, refused: (why: string) => GiveUp): string {
  try {
    return JSON.stringify(value, sayable);
  } catch (error) {
    throw refused(messageOf(error));
  }
}

/** What JSON has no form for would arrive as something else. */
function sayable(_: string, value: unknown): unknown {
  if (value instanceof Uint8Array) throw new TypeError("JSON has no form for bytes");
  if (typeof value !== "number" || Number.isFinite(value)) return value;
  throw new TypeError(`JSON has no form for ${value}`);
}

/** A request that no other try can send either. */
function unsendable({ origin }: URL, why: string): GiveUp {
  return new GiveUp(`the request to ${origin} cannot be sent: ${why}`, { code: "HTTP_REFUSED" });
}

/** What the client says of a request that it does not send. */
const unsendableCodes = [
  "UND_ERR_INVALID_ARG",
  "UND_ERR_NOT_SUPPORTED",
  "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH",
];

function isUnsendable(error: unknown): boolean {
  return unsendableCodes.includes((error as { code?: string } | null)?.code ?? "");
}

/**
 * Connections. Names are resolved here, and the very addresses that were judged are connected to,
 * so that no second answer of a name server can lead elsewhere.
 */
class Agents {
  readonly #rules: AddressRules;
  readonly #lookup: HostLookup;
  readonly #byOrigin = new Map<string, Agent>();

  constructor(rules: AddressRules, lookup: HostLookup) {
    this.#rules = rules;
    this.#lookup = lookup;
  }

  of(url: URL, { Agent }: Client): Agent {
    let agent = this.#byOrigin.get(url.origin);
    if (!agent) {
      const [oldest] = this.#byOrigin;
      if (oldest && this.#byOrigin.size >= originsMax) {
        this.#byOrigin.delete(oldest[0]);
        void oldest[1].close();
      }
      agent = new Agent({ connect: { lookup: this.#judged(url) } });
      this.#byOrigin.set(url.origin, agent);
    }
    return agent;
  }

  #judged(url: URL): LookupFunction {
    return (host, options, done) => {
      this.#lookup(host, { ...options, all: true }, (error, found) => {
        if (error) return done(error, "");
        const addresses = Array.isArray(found) ? found : [{ address: found, family: 4 }];
        try {
          for (const { address } of addresses) this.#rules.checkAddress(url, address);
        } catch (refusal) {
          return done(refusal as Error, "");
        }
        if ((options as { all?: boolean }).all) return done(null, addresses);
        const [first] = addresses;
        return done(null, first?.address ?? "", first?.family);
      });
    };
  }
}

/** What a call is carried out with. */
interface FetchingContext {
  readonly rules: AddressRules;
  readonly agents: Agents;
  readonly added: HostHeaders;
  readonly limits: Required<Pick<HttpFetchOptions, keyof typeof usual>>;
  readonly signal: AbortSignal;
}

/** One call: hops from host to host until there is a response. */
class Fetching {
  readonly #context: FetchingContext;

  constructor(context: FetchingContext) {
    this.#context = context;
  }

  async run(first: Hop): Promise<HttpResponse> {
    const { rules, limits } = this.#context;
    const { redirectsMax } = limits;
    let hop = first;
    for (let redirect = 0; ; redirect++) {
      const { url } = hop;
      rules.check(url);
      const response = await this.#send(hop);
      const { location } = response.headers;
      if (!redirects.includes(response.statusCode) || typeof location !== "string") {
        return this.#read(hop, response);
      }
      // It may never end, and nobody reads it.
      response.body.on("error", () => {}).destroy();
      if (redirect >= redirectsMax) {
        const message = `${first.url.origin} led through more than ${redirectsMax} redirects`;
        throw new GiveUp(message, { code: "HTTP_REFUSED" });
      }
      hop = nextHop(hop, response.statusCode, location);
    }
  }

  async #send({ url, method, headers, body }: Hop): Promise<Dispatcher.ResponseData> {
    const { agents, added, signal } = this.#context;
    const client = await loadClient();
    try {
      return await client.request(url, {
        dispatcher: agents.of(url, client),
        method: method as Dispatcher.HttpMethod,
        headers: { ...headers, ...added.of(url) },
        body,
        signal,
      });
    } catch (error) {
      if (isUnsendable(error)) throw unsendable(url, messageOf(error));
      throw refusalIn(error) ?? error;
    }
  }

  async #read({ url, as }: Hop, response: Dispatcher.ResponseData): Promise<HttpResponse> {
    const { bytesMax } = this.#context.limits;
    const pieces: Uint8Array[] = [];
    let size = 0;
    for await (const piece of response.body as AsyncIterable<Uint8Array>) {
      pieces.push(piece);
      size += piece.length;
      if (size <= bytesMax) continue;
      const message = `the response of ${url.origin} is larger than ${bytesMax} bytes`;
      throw new GiveUp(message, { code: "HTTP_TOO_LARGE" });
    }
    const headers = Object.fromEntries(
      Object.entries(response.headers).map(([name, value]) => {
        return [name, Array.isArray(value) ? value.join(", ") : String(value)];
      }),
    );
    const body = this.#understood(response.statusCode, () => {
      return bodyOf(Buffer.concat(pieces), as, headers, url);
    });
    return { status: response.statusCode, headers, url: url.href, body };
  }

  /** Who is busy often answers with a page of a proxy: that is no reason not to try again. */
  #understood(status: number, read: () => unknown): unknown {
    try {
      return read();
    } catch (error) {
      if (!isGiveUp(error) || !this.#context.limits.retryOn.includes(status)) throw error;
      const { message, code, data } = error;
      throw Object.assign(new Error(message), { code, data });
    }
  }
}

function nextHop(hop: Hop, status: number, location: string): Hop {
  if (!URL.canParse(location, hop.url.href)) {
    throw new GiveUp(`${hop.url.origin} redirects to what is no URL`, { code: "HTTP_REFUSED" });
  }
  const url = new URL(location, hop.url);
  if (hop.url.protocol === "https:" && url.protocol !== "https:") {
    const message = `${hop.url.origin} redirects from https to ${url.protocol.slice(0, -1)}`;
    throw new GiveUp(message, { code: "HTTP_REFUSED" });
  }
  const isPost = status === 303 ? hop.method !== "HEAD" : status <= 302 && hop.method === "POST";
  const sameOrigin = url.origin === hop.url.origin;
  const headers = Object.fromEntries(
    Object.entries(hop.headers).filter(([name]) => {
      if (!sameOrigin && credentials.includes(name)) return false;
      return !(isPost && name.startsWith("content-"));
    }),
  );
  if (isPost) return { ...hop, url, headers, method: "GET", body: null };
  return { ...hop, url, headers };
}

function formOf(type: string | undefined): NonNullable<HttpRequest["as"]> {
  if (type === undefined) return "bytes";
  if (/^application\/(?:[\w.-]+\+)?json\b/i.test(type)) return "json";
  return /^text\/|\bcharset=|^application\/(?:xml|javascript)\b/i.test(type) ? "text" : "bytes";
}

function bodyOf(
  bytes: Buffer,
  as: Hop["as"],
  { "content-type": type, "content-encoding": encoding = "identity" }: HttpResponse["headers"],
  url: URL,
): unknown {
  const form = as ?? formOf(type);
  if (form === "bytes") return new Uint8Array(bytes);
  // Asked for was `identity`, unless the program said otherwise.
  if (bytes.length > 0 && encoding.toLowerCase() !== "identity") {
    const message = `${url.origin} answered with a body that is encoded: ${encoding}`;
    throw new GiveUp(message, { code: "HTTP_BAD_BODY" });
  }
  if (form === "text") return decoder(type).decode(bytes);
  const text = decoder().decode(bytes);
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    throw new GiveUp(`${url.origin} answered with what is no JSON`, {
      code: "HTTP_BAD_BODY",
      data: { beginning: text.slice(0, 200) },
    });
  }
}

/** By the character set that a type names, if that is one; by default and for JSON it is UTF-8. */
function decoder(type = ""): InstanceType<typeof TextDecoder> {
  const [, charset] = /;\s*charset="?([\w.:-]+)/i.exec(type) ?? [];
  try {
    return new TextDecoder(charset);
  } catch {
    return new TextDecoder();
  }
}

/** A refusal of ours that a connection failed with. */
function refusalIn(error: unknown): GiveUp | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if (isGiveUp(at)) return at;
  }
  return undefined;
}
