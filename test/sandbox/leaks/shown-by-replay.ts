// Leaks that nothing refuses, and that show when the session is run again from the bytes of its
// state, or folded without its steps; and things of the machine that are the same everywhere.

import type { Leak } from "./leak.ts";

export const replayLeaks: readonly Leak[] = [
  {
    name: "an object of the module",
    outcome: "diverges",
    before: "const seen = { n: 0 };",
    step: "seen.n += 1; ctx.emit('x', seen.n);",
  },
  {
    name: "a map of the module, as a cache",
    outcome: "diverges",
    before: "const cache = new Map<string, unknown>();",
    step: "if (!cache.has('a')) cache.set('a', await ctx.call('a')); ctx.emit('x');",
  },
  {
    name: "a list of the module",
    outcome: "diverges",
    before: "const list: number[] = [];",
    step: "list.push(1); ctx.emit('x', list.length);",
  },
  {
    name: "a member of a class",
    outcome: "diverges",
    before: "class Counter { static n = 0; }",
    step: "Counter.n += 1; ctx.emit('x', Counter.n);",
  },
  {
    name: "a prototype of the program's own",
    outcome: "diverges",
    before: "class Thing { n?: number; }",
    step: "Thing.prototype.n = (Thing.prototype.n ?? 0) + 1; ctx.emit('x', Thing.prototype.n);",
  },
  {
    name: "a member of a function",
    outcome: "diverges",
    before: "function helper(): void {}\nhelper.n = 0;",
    step: "helper.n += 1; ctx.emit('x', helper.n);",
  },
  {
    name: "a closure that a function made",
    outcome: "diverges",
    before: "const make = () => { let n = 0; return () => ++n; };\nconst next = make();",
    step: "ctx.emit('x', next());",
  },
  {
    name: "a generator",
    outcome: "diverges",
    before: "const numbers = (function* () { for (let n = 0; ; n++) yield n; })();",
    step: "ctx.emit('x', numbers.next().value);",
  },
  {
    name: "where a regular expression stopped",
    outcome: "diverges",
    before: "const pattern = /a/g;",
    step: "ctx.emit('x', pattern.test('aa'));",
  },
  {
    name: "a weak map",
    outcome: "diverges",
    before: "const key = {};\nconst weak = new WeakMap<object, number>();",
    step: "weak.set(key, (weak.get(key) ?? 0) + 1); ctx.emit('x', weak.get(key));",
  },
  {
    name: "a promise of a step before",
    outcome: "diverges",
    before: "const kept: any = {};",
    step:
      "ctx.emit('x', await Promise.race([kept.promise, Promise.resolve().then(() => " +
      "'new')])); kept.promise = Promise.resolve('old');",
  },
  {
    name: "a member of the program",
    outcome: "diverges",
    before: "const settings: any = { first: true };",
    step: "if (settings.first) ctx.emit('first'); settings.first = false;",
  },
  {
    name: "a map of the module that reduce fills",
    outcome: "diverges",
    before: "const byType = new Map<string, number>();",
    reduce:
      "byType.set(event.kind, (byType.get(event.kind) ?? 0) + 1); " +
      "state.n = byType.get(event.kind);",
    step: "ctx.emit('x', ctx.state.n);",
  },
  {
    name: "how deep the stack is",
    outcome: "diverges",
    before:
      "const depth = (n: number): number => { try { return depth(n + 1); } catch { return n; } };",
    step: "ctx.emit('x', depth(0));",
  },
  {
    name: "the state, changed by a step that a reducer gave it to",
    outcome: "folds differently",
    before: "const kept: any = {};",
    reduce: "kept.state = state;",
    step: "kept.state.n += 1; ctx.emit('x', ctx.state.n);",
  },
  {
    name: "the state, changed by a promise of reduce",
    outcome: "folds differently",
    before: "const kept: any = {};",
    reduce:
      "if (event.kind === 'result') void Promise.resolve().then(() => { if " +
      "(kept.stepping) state.n += 1; });",
    step: "kept.stepping = true;",
  },
  {
    name: "whether reduce runs inside a step",
    outcome: "folds differently",
    before: "const kept: any = { stepping: 0 };",
    reduce: "state.n += kept.stepping;",
    step: "kept.stepping = 1; ctx.emit('x'); kept.stepping = 0;",
  },
];

export const stateLeaks: readonly Leak[] = [
  {
    name: "an alias in the state",
    outcome: "state",
    reduce: "const one = { n: 0 }; state.a = one; state.b = one;",
    message: "the same object twice (an alias) at $.b",
  },
  {
    name: "a cycle in the state",
    outcome: "state",
    reduce: "state.self = state;",
    message: "a cycle at $.self",
  },
  {
    name: "an instance of a class in the state",
    outcome: "state",
    before: "class Money { amount = 1; }",
    reduce: "state.price = new Money();",
    message: "an instance of Money at $.price",
  },
  {
    name: "a Date in the state",
    outcome: "state",
    reduce: "state.at = new Date();",
    message: "an instance of Date at $.at",
  },
  {
    name: "a Map in the state",
    outcome: "state",
    reduce: "state.map = new Map();",
    message: "an instance of Map at $.map",
  },
  {
    name: "a function in the state",
    outcome: "state",
    reduce: "state.next = () => 1;",
    message: "a function at $.next",
  },
  {
    name: "a getter in the state",
    outcome: "state",
    reduce:
      "Object.defineProperty(state, 'now', { get: () => 1, enumerable: true, " +
      "configurable: true });",
    message: "a getter at $.now",
  },
  {
    name: "a hole in the state",
    outcome: "state",
    reduce: "state.list[3] = 1;",
    message: "a hole in an array at $.list[0]",
  },
  {
    name: "a symbol as key in the state",
    outcome: "state",
    reduce: "state[Symbol.for('x')] = 1;",
    message: "a symbol as key",
  },
  {
    name: "an event kept in the state",
    outcome: "state",
    reduce: "state.last = event;",
    message: "an instance of ProgramEvent at $.last",
  },
  {
    name: "memory shared by two byte arrays",
    outcome: "state",
    reduce:
      "const bytes = new Uint8Array(8); state.a = bytes.subarray(0, 4); " +
      "state.b = bytes.subarray(4);",
    message: "a view of memory that other bytes share at $.b",
  },
];

export const fixedLeaks: readonly Leak[] = [
  {
    name: "the time zone",
    outcome: "fixed",
    step:
      "ctx.emit('x', [new Date(0).getHours(), new Date(0).getTimezoneOffset(), new " +
      "Date(1970, 0, 1).getTime(), String(new Date(0)), " +
      "Date.parse('1970-01-01T00:00')]);",
    message: '[0,0,0,"Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)",0]',
  },
  {
    name: "capital letters of the language",
    outcome: "fixed",
    step: "ctx.emit('x', ['I'.toLocaleLowerCase(), 'i'.toLocaleUpperCase()]);",
    message: '["i","I"]',
  },
  {
    name: "what only newer engines have",
    outcome: "fixed",
    step:
      "const g: any = globalThis; " +
      "ctx.emit('x', [typeof g.Iterator, typeof (Object as any).groupBy, typeof " +
      "(Promise as any).try, 'union' in Set.prototype, 'transfer' in " +
      "ArrayBuffer.prototype]);",
    message: '["undefined","undefined","undefined",false,false]',
  },
  {
    name: "how an engine reads odd dates",
    outcome: "fixed",
    step:
      "ctx.emit('x', ['7 March 2024', '2024/03/07', '03-07-2024'].map((text) => " +
      "String(new Date(text))));",
    message: '["Invalid Date","Invalid Date","Invalid Date"]',
  },
];
