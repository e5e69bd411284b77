/**
 * The key that somebody trusts a server to have, kept in their browser: the first one seen would be
 * believed for ever, so it is kept only when they say so, and a server that has another one later
 * is pointed out.
 */
import { useEffect, useState } from "preact/hooks";

const name = "reach-key";
const changed = "reach-key-changed";

/** The key that was kept for this server; `undefined` where none was, or nothing can be kept. */
export function pinnedKey(): string | undefined {
  try {
    return localStorage.getItem(name) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Keeps a key; an empty text keeps none. Where the browser keeps nothing, nothing is trusted. */
export function pinKey(key: string): void {
  try {
    if (key === "") localStorage.removeItem(name);
    else localStorage.setItem(name, key);
  } catch {
    // Storage is forbidden here.
  }
  dispatchEvent(new Event(changed));
}

/** The key that is kept, also when that changes. */
export function usePinnedKey(): string | undefined {
  const [key, setKey] = useState(pinnedKey);
  useEffect(() => {
    const look = (): void => setKey(pinnedKey());
    for (const type of [changed, "storage"]) addEventListener(type, look);
    return () => {
      for (const type of [changed, "storage"]) removeEventListener(type, look);
    };
  }, []);
  return key;
}
