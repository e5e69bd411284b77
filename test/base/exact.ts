// Whether two values are the same in everything that plain data can tell: -0, NaN, the order of
// keys, who owns them, and what is an array. Stricter than the matchers of the test runner.

type Keyed = Record<string, unknown>;

/** The first place where two values differ, as `key/key`, or `undefined` where there is none. */
export function firstDifference(a: unknown, b: unknown): string | undefined {
  const path: string[] = [];
  return differs(a, b, path) ? path.join("/") || "the root" : undefined;
}

function differs(a: unknown, b: unknown, path: string[]): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
    return !Object.is(a, b);
  }
  if (a instanceof Uint8Array || b instanceof Uint8Array) return !sameBytes(a, b);
  if (Array.isArray(a) !== Array.isArray(b)) return true;
  if (Array.isArray(b) && Object.getPrototypeOf(b) !== Array.prototype) return true;
  if (!Array.isArray(b) && Object.getPrototypeOf(b) !== Object.prototype) return true;
  const keys = Object.keys(a);
  const others = Reflect.ownKeys(b).filter((key) => !(Array.isArray(b) && key === "length"));
  if (keys.length !== others.length) return true;
  return keys.some((key, i) => {
    if (key !== others[i]) return true;
    path.push(key);
    if (differs((a as Keyed)[key], (b as Keyed)[key], path)) return true;
    path.pop();
    return false;
  });
}

/** What comes out is a `Uint8Array` and no subclass; what goes in may be one of another realm. */
function sameBytes(a: object, b: object): boolean {
  if (!ArrayBuffer.isView(a) || Object.getPrototypeOf(b) !== Uint8Array.prototype) return false;
  return Buffer.compare(a as Uint8Array, b as Uint8Array) === 0;
}
