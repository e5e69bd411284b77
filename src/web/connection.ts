/**
 * The server that this page came from, and the token for it. The token stays in this tab: it is
 * gone when the tab is closed, and never part of an address.
 */
import { codeOf } from "../base/index.ts";
import { ReachClient, type ServerInfo } from "../client/index.ts";

/** A server that answered. */
export interface Connection {
  readonly client: ReachClient;
  readonly about: ServerInfo;
  readonly url: string;
  readonly token: string | undefined;
}

const tokenName = "reach-token";

/**
 * Asks the server who it is. Returns `undefined` where it wants a token, or another one: one that
 * it knows, that may read, and that a header can hold.
 */
export async function connect(signal: AbortSignal): Promise<Connection | undefined> {
  const url = location.origin;
  const token = sessionStorage.getItem(tokenName) ?? undefined;
  const client = new ReachClient({ url, token });
  try {
    return { client, about: await client.about(signal), url, token };
  } catch (error) {
    const code = codeOf(error);
    if (code === "UNAUTHENTICATED") return undefined;
    if (token !== undefined && (code === "FORBIDDEN" || code === "USAGE")) return undefined;
    throw error;
  }
}

/** Whether a token is kept, which the server may have refused. */
export function hasToken(): boolean {
  return sessionStorage.getItem(tokenName) !== null;
}

/** Keeps a token for as long as this tab is open; an empty one is none. */
export function keepToken(token: string): void {
  if (token === "") sessionStorage.removeItem(tokenName);
  else sessionStorage.setItem(tokenName, token);
}
