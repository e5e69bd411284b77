// Leaks that cannot get past the bundler, the loading of a program, or its first lines.

import type { Leak } from "./leak.ts";

export const refusedLeaks: readonly Leak[] = [
  {
    name: "a counter in the module",
    outcome: "refused",
    before: "let count = 0;",
    step: "ctx.emit('count', ++count);",
    message: "an assignment to `count`",
  },
  {
    name: "a cache in the module, filled on demand",
    outcome: "refused",
    before: "let cache: any;\nconst cached = () => (cache ??= { at: Math.floor(1.5) });",
    step: "ctx.emit('x', cached());",
    message: "an assignment to `cache`",
  },
  {
    name: "destructuring into the module",
    outcome: "refused",
    before: "let last = 0;",
    step: "({ turn: last } = ctx.state); ctx.emit('x', last);",
    message: "an assignment to `last`",
  },
  {
    name: "a counter in a closure made while loading",
    outcome: "refused",
    before: "const next = (() => { let n = 0; return () => (n += 1); })();",
    step: "ctx.emit('x', next());",
    message: "an assignment to `n`",
  },
  {
    name: "the error of a refused import, which is the host's",
    outcome: "refused",
    step:
      "const error: any = await import('node:fs').catch((e) => e); " +
      "ctx.emit('x', error.constructor.constructor('return process')().pid);",
    message: "`import(…)` cannot be used",
  },
  {
    name: "an import of a name that is only known later",
    outcome: "refused",
    step: "const name = 'node:' + 'os'; ctx.emit('x', await import(name));",
    message: "`import(…)` cannot be used",
  },
  {
    name: "a module of Node",
    outcome: "refused",
    before: "import { hostname } from 'node:os';",
    step: "ctx.emit('x', hostname());",
    message: 'Could not resolve "node:os"',
  },
  {
    name: "the time of loading",
    outcome: "throws",
    before: "const started = Date.now();",
    step: "ctx.emit('x', started);",
    message: "the time is asked for while the program is loaded",
  },
  {
    name: "randomness of loading",
    outcome: "throws",
    before: "const salt = Math.random();",
    step: "ctx.emit('x', salt);",
    message: "randomness is asked for while the program is loaded",
  },
  {
    name: "randomness in init",
    outcome: "throws",
    init: "() => ({ turn: 0, id: Math.random() })",
    message: "`init` and `reduce` have no randomness",
  },
  {
    name: "randomness in reduce",
    outcome: "throws",
    reduce: "state.n = Math.random();",
    message: "`init` and `reduce` have no randomness",
  },
  {
    name: "a clock of high resolution",
    outcome: "throws",
    step: "ctx.emit('x', performance.now());",
    message: "performance is not defined in a program: use `ctx.now()`",
  },
  {
    name: "the clock of the process",
    outcome: "throws",
    step: "ctx.emit('x', String(process.hrtime.bigint()));",
    message: "process is not defined in a program",
  },
  {
    name: "the environment",
    outcome: "throws",
    step: "ctx.emit('x', process.env.HOME);",
    message: "settings belong into the input of the session",
  },
  {
    name: "random bytes of the machine",
    outcome: "throws",
    step: "ctx.emit('x', crypto.randomUUID());",
    message: "crypto is not defined in a program: use `ctx.random()` or `ctx.uuid()`",
  },
  {
    name: "a timer of the machine",
    outcome: "throws",
    step: "await new Promise((resolve) => setTimeout(resolve, 1)); ctx.emit('x');",
    message: "setTimeout is not defined in a program: use `await ctx.sleep(…)`",
  },
  {
    name: "the network",
    outcome: "throws",
    step: "ctx.emit('x', await (await fetch('http://localhost')).text());",
    message: 'fetch is not defined in a program: use `await ctx.call("http.fetch", …)`',
  },
  {
    name: "when something is collected",
    outcome: "throws",
    step: "const weak = new WeakRef({}); ctx.emit('x', weak.deref() === undefined);",
    message: "what the garbage collector does cannot be repeated",
  },
  {
    name: "being told that something was collected",
    outcome: "throws",
    step: "new FinalizationRegistry(() => ctx.emit('gone')).register({}, 1);",
    message: "what the garbage collector does cannot be repeated",
  },
  {
    name: "memory shared with another thread",
    outcome: "throws",
    step: "ctx.emit('x', new Int32Array(new SharedArrayBuffer(4))[0]);",
    message: "a program shares no memory",
  },
  {
    name: "waiting for another thread",
    outcome: "throws",
    step: "ctx.emit('x', Atomics.wait(new Int32Array(4), 0, 0, 1));",
    message: "a program shares no memory",
  },
  {
    name: "code of another kind",
    outcome: "throws",
    step: "ctx.emit('x', typeof new WebAssembly.Memory({ initial: 1 }));",
    message: "WebAssembly is not defined in a program",
  },
  {
    name: "the language of the machine, by Intl",
    outcome: "throws",
    step: "ctx.emit('x', new Intl.NumberFormat().format(1234.5));",
    message: "Intl is not defined in a program",
  },
  {
    name: "the language of the machine, by a number",
    outcome: "throws",
    step: "ctx.emit('x', (1234.5).toLocaleString());",
    message: "toLocaleString depends on the language of the machine",
  },
  {
    name: "the language of the machine, by order",
    outcome: "throws",
    step: "ctx.emit('x', ['ä', 'z'].sort((a, b) => a.localeCompare(b)));",
    message: "localeCompare depends on the language of the machine",
  },
  {
    name: "code out of text",
    outcome: "throws",
    step: "ctx.emit('x', new Function('return this')() === globalThis);",
    message: "cannot make code out of text",
  },
  {
    name: "the process by way of a constructor",
    outcome: "throws",
    step: "ctx.emit('x', ctx.call.constructor.constructor('return process')().pid);",
    message: "cannot make code out of text",
  },
  {
    name: "the process by way of an error of the sandbox",
    outcome: "throws",
    step:
      "try { ctx.emit('x', () => 1); " +
      "} catch (e: any) { ctx.emit('x', e.constructor.constructor('return " +
      "process')().pid); }",
    message: "cannot make code out of text",
  },
  {
    name: "the text of a stack, which names files of the machine",
    outcome: "throws",
    step: "ctx.emit('x', new Error('x').stack!.split('\\n')[1]);",
    message: "undefined",
  },
  {
    name: "a formatter of stacks, which is given objects of the host",
    outcome: "throws",
    step:
      "(Error as any).prepareStackTrace = (_: unknown, sites: unknown[]) => sites; " +
      "ctx.emit('x', String(new Error().stack));",
    message: "prepareStackTrace",
  },
  {
    name: "who called, by the function",
    outcome: "throws",
    step:
      "ctx.emit('x', String((function (this: any) { return (arguments as " +
      "any).callee.caller; })()));",
    message: "'caller', 'callee', and 'arguments'",
  },
  {
    name: "a changed prototype",
    outcome: "throws",
    step: "(Array.prototype as any).extra = (((Array.prototype as any).extra as number) ?? 0) + 1;",
    message: "not extensible",
  },
  {
    name: "a changed built-in function",
    outcome: "throws",
    step: "(Array.prototype.map as any).calls = 1;",
    message: "not extensible",
  },
  {
    name: "a global variable",
    outcome: "throws",
    step: "(globalThis as any).count = (((globalThis as any).count as number) ?? 0) + 1;",
    message: "not extensible",
  },
  {
    name: "a change of ctx.state",
    outcome: "throws",
    step: "ctx.state.n += 1; ctx.emit('x', ctx.state.n);",
    message: "ctx.state is read-only",
  },
  {
    name: "a change deep in ctx.state",
    outcome: "throws",
    step: "ctx.state.list.push(1);",
    message: "ctx.state is read-only",
  },
  {
    name: "the ctx of a step before",
    outcome: "throws",
    before: "const kept: any = {};",
    step: "kept.ctx ??= ctx; kept.ctx.emit('x');",
    message: "this step has returned",
  },
  {
    name: "ctx in a reducer",
    outcome: "throws",
    before: "const kept: any = {};",
    step: "kept.ctx = ctx; ctx.emit('x');",
    reduce: "if (event.kind === 'emit') state.n = kept.ctx.random();",
    message: "`reduce` cannot use ctx",
  },
  {
    name: "the data of an event that is over",
    outcome: "throws",
    before: "const kept: any[] = [];",
    reduce: "kept.push(event); if (kept.length > 2) state.n = kept[0].data;",
    message: "can be read only while it is reduced",
  },
];
