/**
 * `ctx.state`: a view of the state that can be read like the state itself and not be changed. One
 * view per object, so that the same place is the same object twice. Each view stands before a
 * shadow of its own and not before the object: an object that the program froze may then be shown
 * as well, since the rules for proxies look at what they stand before.
 */
const readOnly = "ctx.state is read-only: only `reduce` changes the state";

const viewOf = new WeakMap<object, object>();
const shownBy = new WeakMap<object, object>();

/** Views that stand for objects: the encoder reads what they show. */
export const views = {
  /** The object that `value` is a view of. */
  get: (value: object): object | undefined => shownBy.get(value),
};

function refuse(): never {
  throw new TypeError(readOnly);
}

/** One set of traps for all views; the object that a shadow stands for is found by the shadow. */
const objectOf = new WeakMap<object, object>();

function shown(shadow: object): object {
  return objectOf.get(shadow) as object;
}

const traps: ProxyHandler<object> = {
  get: (shadow, key) => {
    // Inherited accessors (there is one: `__proto__`) see the object; what they give is no state.
    return stateView(Reflect.get(shown(shadow), key));
  },
  has: (shadow, key) => Reflect.has(shown(shadow), key),
  ownKeys: (shadow) => Reflect.ownKeys(shown(shadow)),
  getPrototypeOf: (shadow) => Reflect.getPrototypeOf(shown(shadow)),
  getOwnPropertyDescriptor(shadow, key) {
    const found = Reflect.getOwnPropertyDescriptor(shown(shadow), key);
    if (found === undefined) return undefined;
    const configurable = !(Array.isArray(shadow) && key === "length");
    if (!("value" in found)) return { ...found, configurable };
    return { ...found, value: stateView(found.value), writable: true, configurable };
  },
  set: refuse,
  defineProperty: refuse,
  deleteProperty: refuse,
  setPrototypeOf: refuse,
  preventExtensions: refuse,
};
Object.freeze(traps);

/**
 * What a step sees of a value of the state; bytes are copied, since no view of them can be
 * read.
 */
export function stateView(value: unknown): unknown {
  if (typeof value === "function") return value;
  if (typeof value !== "object" || value === null) return value;
  const known = viewOf.get(value);
  if (known !== undefined) return known;
  if (value instanceof Uint8Array) return value.slice();
  // The built-in objects that properties lead to (`constructor` aside, a function) are frozen.
  if (Object.isFrozen(value) && isPrototype(value)) return value;
  const shadow = Array.isArray(value) ? [] : {};
  objectOf.set(shadow, value);
  const view = new Proxy(shadow, traps);
  viewOf.set(value, view);
  viewOf.set(view, view);
  shownBy.set(view, value);
  return view;
}

function isPrototype(value: object): boolean {
  return value === Object.prototype || value === Array.prototype;
}
