/**
 * What plain data is: objects of `Object.prototype` or none, arrays without extras, and
 * `Uint8Array`, of this realm or another one (a sandbox has its own). Everything else means
 * something that bytes do not hold, and is refused.
 */

const { getOwnPropertyDescriptor, getOwnPropertySymbols, getPrototypeOf, hasOwn } = Object;
const tagOf = Object.prototype.toString;
/** The inherited getter knows what a typed array is, whatever its realm or its own properties. */
const nameOfTypedArray = getOwnPropertyDescriptor(
  getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)?.get as (this: unknown) => string | undefined;

/** Why something is not plain: what it is, and the key it hangs on where there is one. */
export interface Fault {
  readonly what: string;
  readonly key?: string | number;
}

/** Whether `value` is a `Uint8Array` of any realm, or of a subclass such as `Buffer`. */
export function isBytes(value: object): value is Uint8Array {
  return nameOfTypedArray.call(value) === "Uint8Array";
}

/** Whether the prototype is exactly that of a `Uint8Array`: a subclass would come back as none. */
export function isExactlyBytes(bytes: Uint8Array): boolean {
  const prototype: unknown = getPrototypeOf(bytes);
  return prototype === Uint8Array.prototype || !(bytes instanceof Uint8Array);
}

/** Whether the prototype says that this is a plain object and not an instance of a class. */
export function isPlainObject(value: object): boolean {
  const prototype: object | null = getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  return getPrototypeOf(prototype) === null && hasOwn(prototype, "isPrototypeOf");
}

/** What keeps a plain object from being plain data, its properties aside. */
export function objectFault(value: object): Fault | undefined {
  if (getOwnPropertySymbols(value).length > 0) return { what: "a symbol as key" };
  if (tagOf.call(value) === "[object Object]") return undefined;
  return { what: `an object of the kind ${tagOf.call(value).slice(8, -1)}` };
}

/**
 * What keeps an array from being plain data, its items aside. An item that is a getter is not
 * noticed (looking would cost more than encoding) but read once only.
 */
export function arrayFault(array: readonly unknown[]): Fault | undefined {
  const prototype: object | null = getPrototypeOf(array);
  if (prototype !== Array.prototype && !(Array.isArray(prototype) && hasOwn(prototype, "flat"))) {
    return { what: `an instance of ${className(array)}` };
  }
  if (getOwnPropertySymbols(array).length > 0) return { what: "a symbol as key" };
  const { length } = array;
  const keys = Object.keys(array);
  // Positions come first, in order: with as many keys as items, the last tells about all.
  if (keys.length === length && (length === 0 || keys[length - 1] === String(length - 1))) {
    return undefined;
  }
  const position = keys.findIndex((key, i) => key !== String(i));
  const hole = position < 0 ? keys.length : position;
  if (hole < length) return { what: "a hole in an array", key: hole };
  return { what: "a property of an array that is no item", key: keys[length] as string };
}

/** The name of the class of `value`, without running any code of it. */
export function className(value: object): string {
  const prototype: object | null = getPrototypeOf(value);
  const constructor: unknown =
    prototype && getOwnPropertyDescriptor(prototype, "constructor")?.value;
  return typeof constructor === "function" && constructor.name ? constructor.name : "a class";
}
