/**
 * The errors that a program is given, and what is kept of the errors it throws. Looking at a thrown
 * value may run code of the program, so it is done in here, once, and only primitives come out.
 */

/** A call failed: what its result says. */
export class EffectError extends Error {
  readonly code: string | undefined;
  readonly data: unknown;

  constructor(name: string, message: string, code: string | undefined, data: unknown) {
    super(message);
    this.name = name;
    this.code = code;
    this.data = data;
  }
}

/** The session is being cancelled: everything that was waited for is rejected with this. */
export class Cancelled extends Error {
  readonly code = "CANCELLED";
  readonly reason: unknown;

  constructor(reason: unknown) {
    super(typeof reason === "string" ? `cancelled: ${reason}` : "cancelled");
    this.name = "Cancelled";
    this.reason = reason;
  }
}

/** Errors of the sandbox itself. */
export class SandboxError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = "Error";
    this.code = code;
  }
}

/** What ends a session; members that are missing are "". */
export interface Fault {
  readonly name: string;
  readonly message: string;
  readonly code: string;
  readonly stack: string;
}

const instead: ReadonlyMap<string, string> = new Map([
  ["setTimeout", "use `await ctx.sleep(…)`"],
  ["setInterval", "use `await ctx.sleep(…)` in a loop"],
  ["setImmediate", "use `await ctx.sleep(0)`"],
  ["clearTimeout", "a program has no timers, use `ctx.sleep`"],
  ["queueMicrotask", "use `Promise.resolve().then(…)`"],
  ["fetch", 'use `await ctx.call("http.fetch", …)`'],
  ["XMLHttpRequest", 'use `await ctx.call("http.fetch", …)`'],
  ["console", "use `ctx.log(…)`"],
  ["performance", "use `ctx.now()`"],
  ["crypto", "use `ctx.random()` or `ctx.uuid()`"],
  ["process", "settings belong into the input of the session"],
  ["require", "import it: the program is bundled into one script"],
  ["Buffer", "use `Uint8Array`"],
  ["WeakRef", "what the garbage collector does cannot be repeated"],
  ["FinalizationRegistry", "what the garbage collector does cannot be repeated"],
  ["SharedArrayBuffer", "a program shares no memory"],
  ["Atomics", "a program shares no memory"],
  ["WebAssembly", "a program is JavaScript"],
  ["Intl", "what it says depends on the machine: format where it is shown"],
]);

const notDefined = " is not defined";

function withAdvice(name: string, message: string): string {
  if (name !== "ReferenceError" || !message.endsWith(notDefined)) return message;
  const advice = instead.get(message.slice(0, -notDefined.length));
  return advice === undefined ? message : `${message} in a program: ${advice}`;
}

function memberOf(thrown: object, member: "name" | "message" | "code" | "stack"): string {
  try {
    const value: unknown = Reflect.get(thrown, member);
    return typeof value === "string" ? value : "";
  } catch {
    return "";
  }
}

/** What is kept of something thrown. */
export function faultOf(thrown: unknown, stacks: boolean): Fault {
  if ((typeof thrown !== "object" && typeof thrown !== "function") || thrown === null) {
    const message = typeof thrown === "symbol" ? "a symbol was thrown" : `${thrown}`;
    return { name: "Error", message, code: "", stack: "" };
  }
  const name = memberOf(thrown, "name") || "Error";
  return {
    name,
    message: withAdvice(name, memberOf(thrown, "message")),
    code: memberOf(thrown, "code"),
    stack: stacks ? memberOf(thrown, "stack") : "",
  };
}
