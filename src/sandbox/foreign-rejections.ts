/**
 * Promises of programs that are rejected while nobody listens. Node tells the process about them as
 * about its own, and would end it. Inside a program such a promise means nothing: a call that is
 * not awaited may fail. So they are taken off the list here, without being looked at.
 */
import process from "node:process";

let installed = false;

function isOwn(promise: object): boolean {
  // Reads the internal prototype of a native promise: no code of a program is run by that.
  return Object.getPrototypeOf(promise) === Promise.prototype;
}

/**
 * Called with every rejection that nobody handles. Those of this realm end the process as they
 * would without this listener, unless somebody else listens as well.
 */
function onRejection(reason: unknown, promise: Promise<unknown>): void {
  if (!isOwn(promise) || process.listenerCount("unhandledRejection") > 1) return;
  const error = reason instanceof Error ? reason : new Error(`rejected with ${typeof reason}`);
  setImmediate(() => {
    throw error;
  });
}

/**
 * Called when somebody listens to a rejected promise later than Node thinks proper, as a step does
 * that awaits a call which has failed meanwhile. A listener takes the place of Node's warning.
 */
function onHandled(promise: Promise<unknown>): void {
  if (!isOwn(promise) || process.listenerCount("rejectionHandled") > 1) return;
  process.emitWarning("Promise rejection was handled asynchronously", {
    type: "PromiseRejectionHandledWarning",
  });
}

/** Once per thread, before the first program runs. */
export function ignoreForeignRejections(): void {
  if (installed) return;
  installed = true;
  process.on("unhandledRejection", onRejection);
  process.on("rejectionHandled", onHandled);
}
