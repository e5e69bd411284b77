// Leaks by way of values: what is given to `ctx`, what comes back from it, ways from any object to
// the code of the host, and state that hides in objects which look like constants.

import type { Leak } from "./leak.ts";

const escape = "('return process')().pid";
const noCode = "cannot make code out of text";

/** Ways out of the context; each would reach the process of the host. */
const escapes: readonly Leak[] = [
  {
    name: "the process by eval",
    outcome: "throws",
    step: "ctx.emit('x', (0, eval)('process.pid'));",
    message: noCode,
  },
  {
    name: "the process by the constructor of generators",
    outcome: "throws",
    step: `ctx.emit('x', Object.getPrototypeOf(function* () {}).constructor${escape});`,
    message: noCode,
  },
  {
    name: "the process by the constructor of async functions",
    outcome: "throws",
    step: `ctx.emit('x', await Object.getPrototypeOf(async () => {}).constructor${escape});`,
    message: noCode,
  },
  {
    name: "the process by the constructor of async generators",
    outcome: "throws",
    step: `ctx.emit('x', Object.getPrototypeOf(async function* () {}).constructor${escape});`,
    message: noCode,
  },
  {
    name: "the process by way of a result",
    outcome: "throws",
    step: `ctx.emit('x', (await ctx.call('echo', { a: 1 })).constructor.constructor${escape});`,
    message: noCode,
  },
  {
    name: "the process by way of the promise of a call",
    outcome: "throws",
    step: `ctx.emit('x', ctx.call('echo').constructor.constructor${escape});`,
    message: noCode,
  },
  {
    name: "the process by way of ctx.state",
    outcome: "throws",
    step: `ctx.emit('x', ctx.state.list.constructor.constructor${escape});`,
    message: noCode,
  },
  {
    name: "the process by way of bytes",
    outcome: "throws",
    step: `ctx.emit('x', (await ctx.call('echo', new Uint8Array(1))).buffer
      .constructor.constructor${escape});`,
    message: noCode,
  },
  {
    name: "the process by way of an event in reduce",
    outcome: "throws",
    reduce: `if (event.kind === 'result') state.n = event.constructor.constructor${escape};`,
    message: noCode,
  },
  {
    name: "the process by way of the trigger",
    outcome: "throws",
    init: `(first) => ({ turn: 0, n: first.constructor.constructor${escape}, list: [] })`,
    message: noCode,
  },
  {
    name: "the process by way of the error of a stack that is full",
    outcome: "throws",
    step:
      "const deep = (): any => deep(); try { deep(); } " +
      `catch (e: any) { ctx.emit('x', e.constructor.constructor${escape}); }`,
    message: noCode,
  },
  {
    name: "the process by way of a getter that the host reads",
    outcome: "throws",
    step: `ctx.emit('x', { get a(): any { return this.constructor.constructor${escape}; } });`,
    message: "a getter at $.a cannot be kept",
  },
  {
    name: "the process by way of a proxy that the host looks into",
    outcome: "throws",
    step:
      "ctx.emit('x', new Proxy({}, { ownKeys: (target: any) => { " +
      `target.constructor.constructor${escape}; return []; } }));`,
    message: noCode,
  },
  {
    name: "the process by way of a thenable that the step returns",
    outcome: "throws",
    step: `return { then: (yes: any) => yes(yes.constructor${escape}) };`,
    message: noCode,
  },
  {
    name: "the sites of a stack, by capturing one",
    outcome: "throws",
    step: "const o: any = {}; (Error as any).captureStackTrace(o); ctx.emit('x', o.stack.length);",
    message: "captureStackTrace",
  },
];

/** Changes of what is shared, and words of the machine. */
const refusals: readonly Leak[] = [
  {
    name: "a prototype polluted by __proto__",
    outcome: "throws",
    step: "const all: any = {}; all.__proto__.seen = (all.seen ?? 0) + 1; ctx.emit('x', all.seen);",
    message: "not extensible",
  },
  {
    name: "a prototype polluted by a path in data",
    outcome: "throws",
    step:
      "const set = (o: any, path: string[], v: any): void => { const last = path.pop()!; " +
      "path.reduce((at, key) => at[key], o)[last] = v; }; " +
      "set({}, ['constructor', 'prototype', 'seen'], 1);",
    message: "not extensible",
  },
  {
    name: "a built-in method replaced",
    outcome: "throws",
    step: "JSON.stringify = () => 'mine';",
    message: "read only",
  },
  {
    name: "the iterator of arrays replaced",
    outcome: "throws",
    step: "(Array.prototype as any)[Symbol.iterator] = function* () { yield 1; };",
    message: "read only",
  },
  {
    name: "the language of the machine, by a date",
    outcome: "throws",
    step: "ctx.emit('x', new Date(0).toLocaleDateString());",
    message: "depends on the language of the machine",
  },
  {
    name: "the language of the machine, by a list",
    outcome: "throws",
    step: "ctx.emit('x', [1234.5].toLocaleString());",
    message: "depends on the language of the machine",
  },
  {
    name: "the language of the machine, by a bigint",
    outcome: "throws",
    step: "ctx.emit('x', 12345n.toLocaleString('de'));",
    message: "depends on the language of the machine",
  },
  {
    name: "a promise in emitted data",
    outcome: "throws",
    step: "ctx.emit('x', { later: Promise.resolve(1) });",
    message: "$.later",
  },
  {
    name: "a function in the input of a call",
    outcome: "throws",
    step: "await ctx.call('echo', { run: () => 1 });",
    message: "$.input.run",
  },
  {
    name: "a hole in emitted data",
    outcome: "throws",
    step: "ctx.emit('x', [1, , 3]);",
    message: "$[1]",
  },
  {
    name: "a symbol in emitted data",
    outcome: "throws",
    step: "ctx.emit('x', [Symbol.for('x')]);",
    message: "$[0]",
  },
  {
    name: "a cycle in emitted data",
    outcome: "throws",
    step: "const ring: any = {}; ring.self = ring; ctx.emit('x', ring);",
    message: "$.self",
  },
  {
    name: "what the garbage collector has left, by a registry of one's own class",
    outcome: "throws",
    step: "class Watch extends FinalizationRegistry<number> {} new Watch(() => {});",
    message: "what the garbage collector does cannot be repeated",
  },
];

/** State that hides in what looks like a constant. */
const hidden: readonly Leak[] = [
  {
    name: "an async generator",
    outcome: "diverges",
    before: "const numbers = (async function* () { for (let n = 0; ; n++) yield n; })();",
    step: "ctx.emit('x', (await numbers.next()).value);",
  },
  {
    name: "where a sticky regular expression stopped",
    outcome: "diverges",
    before: "const pattern = /a/y;",
    step: "ctx.emit('x', [pattern.test('aaa'), pattern.lastIndex]);",
  },
  {
    name: "a cache by the strings of a tagged template",
    outcome: "diverges",
    before:
      "const cache = new WeakMap<object, number>(); const tag = (strings: any): number => { " +
      "cache.set(strings, (cache.get(strings) ?? 0) + 1); return cache.get(strings)!; };",
    step: "const text = () => tag`one`; ctx.emit('x', text());",
  },
  {
    name: "an iterator of a constant list",
    outcome: "diverges",
    before: "const names = ['a', 'b', 'c', 'd', 'e'][Symbol.iterator]();",
    step: "ctx.emit('x', names.next().value);",
  },
  {
    name: "a date that is moved",
    outcome: "diverges",
    before: "const date = new Date(0);",
    step: "date.setDate(date.getDate() + 1); ctx.emit('x', date.getTime());",
  },
  {
    name: "bytes of the module",
    outcome: "diverges",
    before: "const bytes = new Uint8Array(4);",
    step: "bytes[0]! += 1; ctx.emit('x', bytes[0]);",
  },
  {
    name: "a private member of an object of the module",
    outcome: "diverges",
    before:
      "class Ids { #last = 0; next(): number { return ++this.#last; } }\nconst ids = new Ids();",
    step: "ctx.emit('x', ids.next());",
  },
  {
    name: "a proxy that counts",
    outcome: "diverges",
    before:
      "const counts: any = { n: 0 };\n" +
      "const proxy: any = new Proxy({}, { get: () => (counts.n += 1) });",
    step: "ctx.emit('x', proxy.any);",
  },
  {
    name: "an order that depends on the turns before, by a comparator with a memory",
    outcome: "diverges",
    before:
      "const memory: number[] = [];\nconst compare = (a: number, b: number): number => { " +
      "memory.push(a); return memory.length < 4 ? a - b : b - a; };",
    step: "ctx.emit('x', [3, 1, 2].sort(compare));",
  },
];

/** What looks like a leak and is none: the same again, in every replay. */
const harmless: readonly Leak[] = [
  {
    name: "an order by random numbers",
    outcome: "same again",
    step: "ctx.emit('x', [1, 2, 3, 4, 5, 6, 7, 8].sort(() => Math.random() - 0.5));",
  },
  {
    name: "numbers that JSON does not know",
    outcome: "same again",
    reduce: "state.odd = [-0, NaN, Infinity, -Infinity, 2 ** 53, 5e-324];",
    step:
      "const odd = ctx.state.odd ?? []; ctx.emit('x', [...odd, odd.map((n: number) => " +
      "Object.is(n, -0)), JSON.stringify(odd)]);",
  },
  {
    name: "a proxy in emitted data",
    outcome: "same again",
    step: "ctx.emit('x', new Proxy({ a: 1 }, { get: () => Math.random() }));",
  },
  {
    name: "thenables that are awaited",
    outcome: "same again",
    step:
      "const later = { then: (yes: any) => yes(Math.random()) }; " +
      "ctx.emit('x', [await later, await Promise.all([later, ctx.call('echo', 1)])]);",
  },
  {
    name: "data whose key is __proto__",
    outcome: "same again",
    step:
      "const data = await ctx.call('echo', JSON.parse('{\"__proto__\": {\"a\": 1}}')); " +
      "ctx.emit('x', [Object.keys(data), data.a === undefined]);",
  },
  {
    name: "the registry of symbols",
    outcome: "same again",
    step: "ctx.emit('x', [Symbol.for('a') === Symbol.for('a'), Symbol.keyFor(Symbol.for('a'))]);",
  },
  {
    name: "functions of mathematics",
    outcome: "same again",
    step:
      "ctx.emit('x', [Math.sin(1e22), Math.exp(1), Math.pow(2, 0.1), Math.fround(0.1), " +
      "Math.hypot(3, 4.1), Math.cbrt(2), 0.1 + 0.2]);",
  },
  {
    name: "the order of bytes in memory",
    outcome: "same again",
    step: "ctx.emit('x', [...new Uint8Array(new Uint32Array([1]).buffer)]);",
  },
  {
    name: "the text of a function",
    outcome: "same again",
    step: "ctx.emit('x', [String(ctx.call), String(Math.max), String(() => 1)]);",
  },
  {
    name: "what the last match of a regular expression left behind",
    outcome: "same again",
    step: "/(b)/.exec('abc'); ctx.emit('x', [(RegExp as any).$1 ?? 'gone']);",
  },
  {
    name: "text of the machine's language",
    outcome: "same again",
    step: "ctx.emit('x', ['Straße'.toUpperCase(), 'é'.normalize('NFD').length, 'ﬁ'.length]);",
  },
];

/** All of them. */
export const valueLeaks: readonly Leak[] = [...escapes, ...refusals, ...hidden, ...harmless];
