// A small stand-in for the sandbox, for tests of the engine alone: runs programs in `node:vm`
// contexts with their own microtask queue, without any of the isolation. Plain JavaScript, since
// worker threads and runner processes load it too.

import vm from "node:vm";
import { decodeValue, encodeValue, ReachError } from "../../dist/base/index.js";

/** The part that lives inside the context. */
const kernel = `
globalThis.kernel = (() => {
  let program, state, ops, nextSeq, now = 0, calls = new Map(), timers = new Map(), waiters = [];
  let inbox = [], ended, failed, dropped = [], logs = [];
  class Cancelled extends Error { constructor(m) { super(m); this.name = "Cancelled"; } }
  const reduce = (event) => { if (program.reduce) state = program.reduce(state, event) ?? state; };
  const make = (kind, type, value) => {
    const data = host.encode(value);
    const seq = nextSeq++;
    ops.push({ kind, type, time: now, data });
    reduce({ seq, time: now, kind, type, ref: null, data: host.decode(data) });
    return seq;
  };
  const ctx = {
    get state() { return state; },
    now: () => now,
    call: (name, input, options) => {
      const seq = make("call", name, options === undefined ? { input } : { input, options });
      return new Promise((resolve, reject) => calls.set(seq, { resolve, reject }));
    },
    log: (...values) => void logs.push(host.encode(values)),
    emit: (type, value) => void make("emit", type, value ?? null),
    sleep: (ms) => {
      const due = now + ms;
      const seq = make("timer", "set", { due });
      return new Promise((resolve, reject) => timers.set(seq, { due, resolve, reject }));
    },
    waitFor: (type, { timeout } = {}) => {
      const at = inbox.findIndex((event) => event.type === type);
      if (at >= 0) return Promise.resolve(inbox.splice(at, 1)[0].data);
      return new Promise((resolve, reject) => {
        const waiter = { type, resolve, reject };
        waiters.push(waiter);
        if (timeout === undefined) return;
        waiter.timer = make("timer", "set", { due: now + timeout });
        timers.set(waiter.timer, { due: now + timeout, reject() {}, resolve: () => {
          waiters.splice(waiters.indexOf(waiter), 1);
          resolve(undefined);
        } });
      });
    },
  };
  const failure = (error) => ({
    name: error?.name ?? "Error", message: String(error?.message ?? error), code: error?.code,
  });
  const start = (seq) => {
    ops = []; dropped = []; logs = []; ended = failed = undefined; nextSeq = seq;
  };
  return {
    load(source) { program = (0, eval)("(" + source + ")"); },
    init(event) { state = program.init ? program.init(event) : {}; },
    restore(value) { state = value; },
    fold(event) { reduce(event); },
    setInbox(events, at) { inbox = events; now = at; calls.clear(); timers.clear(); waiters = []; },
    begin(seq) {
      start(seq);
      Promise.resolve().then(() => program.step(ctx)).then((next) => {
        const done = typeof next === "object" && next !== null;
        ended = { next: done ? "done" : next, result: done ? host.encode(next.done) : undefined };
      }, (error) => { failed = failure(error); });
    },
    deliver(event) {
      start(event.seq + 1);
      now = Math.max(now, event.time);
      reduce(event);
      if (event.kind === "result") {
        const call = calls.get(event.ref);
        calls.delete(event.ref);
        if (event.data.error) {
          call?.reject(Object.assign(new Error(event.data.error.message), event.data.error));
        } else call?.resolve(event.data.value);
      } else if (event.kind === "timer") {
        const timer = timers.get(event.ref);
        timers.delete(event.ref);
        timer?.resolve();
      } else if (event.kind === "cancel") {
        const all = [...calls.values(), ...timers.values(), ...waiters];
        calls.clear(); timers.clear(); waiters = [];
        for (const one of all) one.reject(new Cancelled(event.data.reason));
      } else if (event.kind === "input") {
        const at = waiters.findIndex((waiter) => waiter.type === event.type);
        if (at < 0) inbox.push(event);
        else {
          const [waiter] = waiters.splice(at, 1);
          if (timers.delete(waiter.timer)) dropped.push(waiter.timer);
          waiter.resolve(event.data);
        }
      }
    },
    taken() {
      const waiting = {
        calls: [...calls.keys()],
        timers: [...timers].map(([seq, { due }]) => ({ seq, due })),
        inputs: waiters.map(({ type }) => type),
      };
      const end = ended && {
        ...ended, abandoned: waiting.calls, unread: inbox.map(({ seq }) => seq),
      };
      return { operations: ops, dropped, logs, ended: end, failed, waiting, now };
    },
    state: () => state,
  };
})();
`;

const kernelScript = new vm.Script(kernel);

class PlainContext {
  #context;
  #kernel;

  constructor(code) {
    const host = { encode: (value) => encodeValue(value), decode: (bytes) => decodeValue(bytes) };
    this.#context = vm.createContext({ host }, { microtaskMode: "afterEvaluate" });
    kernelScript.runInContext(this.#context);
    this.#kernel = vm.runInContext("kernel", this.#context);
    this.#run("load", code);
  }

  /** Calls the kernel from a script, so that microtasks are drained before it returns. */
  #run(name, ...args) {
    this.#context.args = args;
    return vm.runInContext(`kernel.${name}(...args)`, this.#context);
  }

  #program(run) {
    try {
      return run();
    } catch (error) {
      throw new ReachError("PROGRAM_FAILED", String(error?.message ?? error), { cause: error });
    }
  }

  #event({ payload, form, ...header }) {
    return { ...header, data: form === "cbor" ? decodeValue(payload) : payload };
  }

  init(trigger) {
    this.#program(() => this.#run("init", this.#event(trigger)));
  }

  restore(bytes) {
    this.#run("restore", decodeValue(bytes));
  }

  fold(event) {
    this.#program(() => this.#run("fold", this.#event(event)));
  }

  setInbox(unread, now) {
    this.#run(
      "setInbox",
      unread.map((event) => this.#event(event)),
      now,
    );
  }

  beginStep(firstSeq) {
    this.#run("begin", firstSeq);
    return this.#kernel.taken();
  }

  deliver(event) {
    this.#program(() => this.#run("deliver", this.#event(event)));
    return this.#kernel.taken();
  }

  snapshot() {
    return encodeValue(this.#kernel.state());
  }

  dispose() {
    this.#context = undefined;
  }
}

export const contexts = {
  compile:
    ({ code }) =>
    () =>
      new PlainContext(code),
};
