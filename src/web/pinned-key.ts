/**
 * The key that somebody trusts a server to have, kept in their browser: the first one seen would be
 * believed for ever, so it is kept only when they say so, and a server that has another one later
 * is pointed out.
 */

const name = "reach-key";

/** The key that was kept for this server; `undefined` where none was. */
export function pinnedKey(): string | undefined {
  return localStorage.getItem(name) ?? undefined;
}

/** Keeps a key; an empty text keeps none. */
export function pinKey(key: string): void {
  if (key === "") localStorage.removeItem(name);
  else localStorage.setItem(name, key);
}
