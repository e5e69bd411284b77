/**
 * What a context has built in, made fit for programs: what gives away the machine, the clock or the
 * garbage collector is taken out or replaced, what a newer engine adds is removed, and everything
 * that stays is frozen, so that nothing a program leaves there can carry meaning to a later step.
 */
import { fixedDate } from "./fixed-date.ts";
import { permittedIntrinsics } from "./permitted-intrinsics.ts";

const { defineProperty, freeze, getOwnPropertyDescriptor, getPrototypeOf, hasOwn } = Object;
const { isFrozen, preventExtensions } = Object;
const { deleteProperty, ownKeys } = Reflect;

type Holder = Record<PropertyKey, unknown>;

const typedArrays = [
  BigInt64Array,
  BigUint64Array,
  Float32Array,
  Float64Array,
  Int8Array,
  Int16Array,
  Int32Array,
  Uint8Array,
  Uint8ClampedArray,
  Uint16Array,
  Uint32Array,
] as const;

/** Where time and chance come from; both throw where there is none. */
export interface Sources {
  now(): number;
  random(): number;
}

/** Prototypes and functions without a global name (as in ECMA-262, 6.1.7.4). */
function hiddenHolders(): Map<string, object> {
  const iterator = (value: { [Symbol.iterator](): unknown }): object =>
    getPrototypeOf(value[Symbol.iterator]());
  const arrayIterator = iterator([]);
  const generator = getPrototypeOf(function* () {});
  const asyncGenerator = getPrototypeOf(async function* () {});
  return new Map<string, object>([
    ["%ArrayIterator%", arrayIterator],
    ["%MapIterator%", iterator(new Map())],
    ["%SetIterator%", iterator(new Set())],
    ["%StringIterator%", iterator("")],
    ["%RegExpStringIterator%", getPrototypeOf("".matchAll(/a/g))],
    ["%Iterator%", getPrototypeOf(arrayIterator)],
    ["%TypedArray%", getPrototypeOf(Uint8Array)],
    ["%TypedArray%.prototype", getPrototypeOf(Uint8Array.prototype)],
    ["%GeneratorFunction%", generator],
    ["%Generator%", generator.prototype],
    ["%AsyncFunction%", getPrototypeOf(async () => {})],
    ["%AsyncGeneratorFunction%", asyncGenerator],
    ["%AsyncGenerator%", asyncGenerator.prototype],
    ["%AsyncIterator%", getPrototypeOf(asyncGenerator.prototype)],
  ]);
}

function put(holder: object, name: PropertyKey, value: unknown): void {
  defineProperty(holder, name, { value, writable: true, configurable: true, enumerable: false });
}

function named(name: string, value: object): object {
  defineProperty(value, "name", { value: name, configurable: true });
  return value;
}

/** A function that says why it is of no use here. A method, since those have no `prototype`. */
function refusing(name: string, message: string, make = TypeError): object {
  const methods = {
    [name](): never {
      throw new make(message);
    },
  };
  return methods[name] as object;
}

const unscopables: symbol = Symbol.unscopables;

const noCode = "a program cannot make code out of text: `eval` and `Function` are off";

/** Functions that make functions; each is the `constructor` of a prototype that literals reach. */
function disableCodeFromText(global: Holder, hidden: Map<string, object>): void {
  put(global, "eval", refusing("eval", noCode, EvalError));
  const disabled = (name: string, prototype: object): object => {
    // biome-ignore lint/complexity/useArrowFunction: it can be called with `new`
    const refuse = function (): never {
      throw new EvalError(noCode);
    };
    named(name, refuse);
    defineProperty(refuse, "prototype", { value: prototype, writable: false });
    defineProperty(prototype, "constructor", { value: refuse, writable: false });
    return freeze(refuse);
  };
  put(global, "Function", disabled("Function", Function.prototype));
  for (const name of ["GeneratorFunction", "AsyncFunction", "AsyncGeneratorFunction"]) {
    disabled(name, hidden.get(`%${name}%`) as object);
  }
}

const localeMessage = "depends on the language of the machine: format where it is shown";

function fixLocale(hidden: Map<string, object>): void {
  const refused: readonly (readonly [object, readonly string[]])[] = [
    [Number.prototype, ["toLocaleString"]],
    [BigInt.prototype, ["toLocaleString"]],
    [Array.prototype, ["toLocaleString"]],
    [hidden.get("%TypedArray%.prototype") as object, ["toLocaleString"]],
    [Date.prototype, ["toLocaleString", "toLocaleDateString", "toLocaleTimeString"]],
  ];
  for (const [holder, names] of refused) {
    for (const name of names) put(holder, name, refusing(name, `${name} ${localeMessage}`));
  }
  const compare = "localeCompare depends on the language of the machine: compare with < and >";
  put(String.prototype, "localeCompare", refusing("localeCompare", compare));
  const { toLowerCase, toUpperCase } = String.prototype;
  const { apply } = Reflect;
  const methods = {
    toLocaleLowerCase(this: unknown): string {
      return apply(toLowerCase, this, []);
    },
    toLocaleUpperCase(this: unknown): string {
      return apply(toUpperCase, this, []);
    },
  };
  for (const [name, method] of Object.entries(methods)) put(String.prototype, name, method);
}

/**
 * Stacks name files of the machine. Without a limit that is a number the engine collects none, and
 * asks nobody to format one: formatting is done by code of the host, which would look at the error
 * and whose own errors would come in here (with a limit of 0 it still does: tested). With `stacks`
 * that is what happens: for looking for a line, not for living with.
 */
function fixStacks(stacks: boolean): void {
  const fixed = { writable: false, configurable: false, enumerable: false };
  deleteProperty(Error, "captureStackTrace");
  defineProperty(Error, "stackTraceLimit", { value: stacks ? 64 : undefined, ...fixed });
  // With a function of the context's own, the host's formatting does not look at the error.
  defineProperty(Error, "prepareStackTrace", { value: stacks ? stackText : undefined, ...fixed });
}

interface CallSite {
  getFunctionName(): unknown;
  getFileName(): unknown;
  getLineNumber(): unknown;
  getColumnNumber(): unknown;
}

/**
 * Frames of the program, one a line: `name (file:line:column)`; those of kernel and host are
 * cut.
 */
function stackText(_error: unknown, sites: readonly CallSite[]): string {
  const frames: string[] = [];
  for (let i = 0; i < sites.length; i++) {
    const site = sites[i] as CallSite;
    const file = site.getFileName();
    if (typeof file === "string" && file.startsWith("reach:")) {
      if (frames.length > 0) break;
      continue;
    }
    const place = `${file}:${site.getLineNumber()}:${site.getColumnNumber()}`;
    if (typeof file === "string") frames.push(`${site.getFunctionName() ?? ""} (${place})`);
  }
  return frames.join("\n");
}

/** Members that programs commonly set on objects of their own. */
const shadowed: readonly (readonly [string, readonly string[]])[] = [
  ["Function.prototype", ["toString", "bind", "call", "apply"]],
  ["Array.prototype", ["toString"]],
  ["Date.prototype", ["toString"]],
  ...[
    "Error",
    "AggregateError",
    "EvalError",
    "RangeError",
    "ReferenceError",
    "SyntaxError",
    "TypeError",
    "URIError",
  ].map((name) => [`${name}.prototype`, ["constructor", "name", "message", "toString"]] as const),
];

/**
 * Makes `name` of a prototype that will be frozen assignable on the objects that inherit it. A
 * frozen data property would forbid `this.name = …` there (the override mistake of ECMAScript).
 */
function allowShadowing(prototype: object, name: PropertyKey): void {
  const found = getOwnPropertyDescriptor(prototype, name);
  if (found === undefined || !("value" in found) || !found.configurable) return;
  const { value } = found;
  const accessors = {
    get: (): unknown => value,
    set(this: unknown, own: unknown): void {
      const isObject = (typeof this === "object" && this !== null) || typeof this === "function";
      if (!isObject || this === prototype) {
        throw new TypeError(`${String(name)} of a built-in object cannot be changed`);
      }
      const property = { value: own, writable: true, enumerable: true, configurable: true };
      if (hasOwn(this as object, name)) (this as Holder)[name] = own;
      else defineProperty(this as object, name, property);
    },
  };
  const { get, set } = accessors;
  defineProperty(prototype, name, { get, set, enumerable: false, configurable: false });
  freeze(get);
  freeze(set);
  // A constructor is a holder of its own, to be looked through before it is frozen.
  if (typeof value === "function" && name !== "constructor") freeze(value);
}

const symbols: ReadonlyMap<string, symbol> = new Map(
  Object.getOwnPropertyNames(Symbol)
    .filter((name) => typeof (Symbol as unknown as Holder)[name] === "symbol")
    .map((name) => [`@@${name}`, (Symbol as unknown as Holder)[name] as symbol]),
);

function holderOf(global: Holder, hidden: Map<string, object>, name: string): object | undefined {
  const found = hidden.get(name);
  if (found !== undefined) return found;
  const dot = name.indexOf(".");
  if (dot < 0) return global[name] as object | undefined;
  return (global[name.slice(0, dot)] as { prototype: object }).prototype;
}

function keyOf(member: string): PropertyKey {
  const name = member[0] === "^" ? member.slice(1) : member;
  return name[0] === "@" ? (symbols.get(name) as symbol) : name;
}

function freezeAccessor(holder: object, key: PropertyKey): void {
  const { get, set } = getOwnPropertyDescriptor(holder, key) as PropertyDescriptor;
  if (get) freeze(get);
  if (set) freeze(set);
}

/** How thoroughly the built-in objects are prepared. */
export interface Preparation {
  /** Collect stacks. */
  readonly stacks: boolean;
  /** The engine is known to have nothing beyond the list. */
  readonly exact: boolean;
}

/** Freezes a holder with its members; what is not on the list is removed: then it returns false. */
function freezeHolder(holder: object, members: string, exact: boolean): boolean {
  const names = members === "" ? [] : members.split(" ");
  for (const member of names) {
    const key = keyOf(member);
    if (member[0] === "^") freezeAccessor(holder, key);
    else {
      const value = (holder as Holder)[key];
      if (typeof value === "function" ? member !== "constructor" : key === unscopables)
        freeze(value);
    }
  }
  // The legacy members of RegExp (`$1`, `lastMatch`) remember the last match: always removed.
  const known = exact && holder !== RegExp;
  const keys = known ? names : ownKeys(holder);
  const clean = keys.length <= names.length;
  if (!clean) removeOthers(holder, keys, names);
  if (underElements.has(holder)) freezeSoftly(holder, names);
  else freeze(holder);
  return clean || holder === RegExp;
}

/** Prototypes of what is written to by index. */
const underElements: ReadonlySet<object> = new Set([
  Object.prototype,
  Array.prototype,
  ...typedArrays.flatMap(({ prototype }) => [prototype, getPrototypeOf(prototype) as object]),
]);

/**
 * Freezes a prototype property by property. `Object.freeze` marks its elements as frozen, and with
 * such a prototype V8 11 writes to arrays and typed arrays at a tenth of the speed (measured).
 */
function freezeSoftly(holder: object, members: readonly string[]): void {
  preventExtensions(holder);
  for (const member of members) {
    const key = keyOf(member);
    const found = getOwnPropertyDescriptor(holder, key);
    if (found?.writable) defineProperty(holder, key, { configurable: false, writable: false });
    else if (found?.configurable) defineProperty(holder, key, { configurable: false });
  }
  if (!isFrozen(holder)) throw new TypeError("a built-in object is not frozen");
  // An object that becomes a prototype is laid out for fast reading again.
  // biome-ignore lint/complexity/useArrowFunction: it is called with `new`
  const Inheriting = function (): void {} as unknown as { new (): object; prototype: object };
  Inheriting.prototype = holder;
  new Inheriting();
}

function removeOthers(holder: object, keys: readonly PropertyKey[], names: string[]): void {
  const known = new Set<PropertyKey>(names.map(keyOf));
  for (const key of keys) {
    if (known.has(key) || deleteProperty(holder, key)) continue;
    const value = getOwnPropertyDescriptor(holder, key)?.value;
    if (typeof value === "object" || typeof value === "function") freeze(value);
  }
}

const constants = ["Infinity", "NaN", "undefined", "globalThis"];
const additions = ["structuredClone"];

/** Globals stay what they are from here on; new ones can be added until `closeGlobals`. */
function fixGlobals(global: Holder): void {
  const kept = new Set([...permittedIntrinsics.map(([name]) => name), ...constants, ...additions]);
  for (const name of ownKeys(global)) {
    if (kept.has(name as string)) {
      defineProperty(global, name, { writable: false, configurable: false });
    } else if (!deleteProperty(global, name)) {
      // What flags of the engine add, such as `gc`, stays as a name and is nothing any more.
      defineProperty(global, name, { value: undefined, writable: false });
    }
  }
}

/**
 * Prepares the built-in objects of this context; once, before any program is evaluated. Returns
 * whether there was nothing to remove.
 */
export function prepareIntrinsics(
  sources: Sources,
  structuredCopy: (value: unknown) => unknown,
  { stacks, exact }: Preparation,
): boolean {
  const global = globalThis as unknown as Holder;
  const hidden = hiddenHolders();
  disableCodeFromText(global, hidden);
  put(
    global,
    "Date",
    fixedDate(Date, () => sources.now()),
  );
  put(
    Math,
    "random",
    named("random", () => sources.random()),
  );
  const structuredClone = (value: unknown): unknown => structuredCopy(value);
  put(global, "structuredClone", freeze(named("structuredClone", structuredClone)));
  fixLocale(hidden);
  fixStacks(stacks);
  for (const name of ownKeys(Object.prototype)) allowShadowing(Object.prototype, name);
  for (const [holder, names] of shadowed) {
    const prototype = holderOf(global, hidden, holder) as object;
    for (const name of names) allowShadowing(prototype, name);
  }
  let clean = true;
  for (const [name, members] of permittedIntrinsics) {
    const holder = holderOf(global, hidden, name);
    if (holder !== undefined && !freezeHolder(holder, members, exact)) clean = false;
  }
  freeze(thrower());
  fixGlobals(global);
  // Between the global object and `Object.prototype` stands another one, on no path by name.
  freezeChain(getPrototypeOf(global));
  return clean;
}

/** The one function behind `arguments.callee` of strict code (%ThrowTypeError%). */
function thrower(): unknown {
  const probe = (function (this: unknown) {
    // biome-ignore lint/complexity/noArguments: its accessor is what is looked for
    return arguments;
  })();
  return getOwnPropertyDescriptor(probe, "callee")?.get;
}

/** From here on the global object takes nothing any more: what a program adds, it adds loading. */
export function closeGlobals(): void {
  freezeChain(globalThis);
}

function freezeChain(from: object | null): void {
  for (let at = from; at !== null && at !== Object.prototype; at = getPrototypeOf(at)) freeze(at);
}
