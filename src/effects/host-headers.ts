/**
 * Headers that an operator adds to the requests to a host, such as credentials. Over http they are
 * sent in clear text, so that has to be said: by the scheme, or by a port.
 */
import { effectivePort } from "./address-rules.ts";

type Headers = Readonly<Record<string, string>>;

/** The headers of hosts; names of hosts and headers in any case. */
export class HostHeaders {
  readonly #byName = new Map<string, Headers>();

  /**
   * By `api.example.com`, which is https at its own port; `api.example.com:8080`, that port with
   * either scheme; or `http://api.example.com`, an origin.
   */
  constructor(headersFor: Readonly<Record<string, Headers>>) {
    for (const [name, headers] of Object.entries(headersFor)) {
      const named = Object.entries(headers).map(([header, value]) => [header.toLowerCase(), value]);
      this.#byName.set(name.toLowerCase(), Object.fromEntries(named));
    }
  }

  /** What is added to a request to `url`; names in lower case. */
  of(url: URL): Headers {
    const { hostname, host, origin, protocol } = url;
    return {
      ...(protocol === "https:" && host === hostname ? this.#byName.get(host) : {}),
      ...this.#byName.get(`${hostname}:${effectivePort(url)}`),
      ...this.#byName.get(origin),
    };
  }
}
