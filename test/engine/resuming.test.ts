// Sessions that go on after a crash or a pause: from every place at which a log can end, with the
// same operations as without, and never by making up what the log says otherwise.

import * as fs from "node:fs";
import { afterEach, describe, expect, it, test } from "vitest";
import { encodeValue } from "../../src/base/index.ts";
import { nodeDisk } from "../../src/disk/index.ts";
import { readRegistry } from "../../src/engine/registry.ts";
import { Directory } from "../../src/session/index.ts";
import { FaultyDisk } from "./faulty-disk.ts";
import { effectsOf, programOf, Running, until } from "./running.ts";

const opened: Running[] = [];

function fresh(): Running {
  const one = new Running();
  opened.push(one);
  return one;
}

afterEach(async () => {
  for (const one of opened.splice(0)) await one.end();
});

const worker = programOf(
  "worker",
  `{
    init: () => ({ results: [], inputs: 0 }),
    reduce(state, event) {
      if (event.kind === "result") state.results.push(event.data.value);
      if (event.kind === "input") state.inputs += 1;
      return state;
    },
    async step(ctx) {
      const n = ctx.state.results.length;
      const both = await Promise.all([ctx.call("work", n), ctx.call("work", n + 1)]);
      ctx.emit("both", both);
      ctx.emit("count", ctx.state.results.length);
      if (n === 4) await ctx.sleep(1);
      if (n === 6) ctx.emit("said", await ctx.waitFor("word"));
      return n >= 8 ? { done: ctx.state.results } : "continue";
    },
  }`,
);
const effects = effectsOf({ work: (n: number) => `r${n}` });

/** What the program made and what came in, without times. */
function made(run: Running, id: string): string[] {
  return run.events(id).filter((event) => !event.startsWith("note") && !event.includes("due"));
}

/** The whole run, from a session of its own. */
async function undisturbed(): Promise<{ run: Running; id: string; events: string[] }> {
  const run = fresh();
  const engine = await run.open({ programs: [worker], effects });
  const { id } = await engine.start("worker", null);
  await engine.input(id, { type: "word", data: "hello" });
  await engine.finished(id);
  return { run, id, events: made(run, id) };
}

test("a session goes on without its source map, which is damaged", async () => {
  const run = fresh();
  const mappings = "AAAA;".repeat(20);
  const map = JSON.stringify({ version: 3, sources: ["waiter.ts"], names: [], mappings });
  const code = `{ step: async (ctx) => ({ done: await ctx.waitFor("word") }) }`;
  const engine = await run.open({ programs: [{ ...programOf("waiter", code), map }] });
  const { id } = await engine.start("waiter", null);
  await until(() => engine.status(id).phase === "waiting");
  await run.close();
  const folder = run.scratch.at("data", "default", "blobs");
  const packs = fs.readdirSync(folder).filter((name) => name.endsWith(".pack"));
  const pack = packs.find((name) => fs.readFileSync(`${folder}/${name}`).includes(mappings));
  const bytes = fs.readFileSync(`${folder}/${pack}`);
  bytes.write("B", bytes.indexOf(mappings));
  fs.writeFileSync(`${folder}/${pack}`, bytes);
  const again = await run.open();
  await again.resume(id);
  await again.input(id, { type: "word", data: "hello" });
  expect((await again.finished(id)).result).toBe("hello");
});

describe("a session that sleeps", () => {
  const patient = programOf(
    "patient",
    `{
      init: () => ({}), reduce: (state) => state,
      step: async (ctx) => ({ done: await ctx.waitFor("word") }),
    }`,
  );
  const limits = { idleMs: 20, registryMs: 20 };

  it("is left alone after a crash, unless something was appended to it since", async () => {
    const run = fresh();
    const first = await run.open({ programs: [patient], limits });
    const started = await Promise.all(
      Array.from({ length: 6 }, () => first.start("patient", null)),
    );
    const [told, ...others] = started.map(({ id }) => id) as [string, ...string[]];
    await until(() => first.figures().active === 0);
    // The registry is written now and then.
    await until(() => {
      const { sessions } = readRegistry(nodeDisk, run.directory.path) ?? {};
      return [...(sessions?.values() ?? [])].every(({ logBytes }) => logBytes !== undefined);
    });
    await run.crash();
    // Durable, and the engine died before the program heard of it.
    const directory = await Directory.open({
      path: run.scratch.at("data", "default"),
      mode: "write",
      takeOver: true,
    });
    const writer = directory.appendTo(told);
    const bytes = encodeValue("hello");
    const input = {
      kind: "input",
      type: "word",
      time: Date.now(),
      ref: null,
      form: "cbor",
    } as const;
    await writer.append({ ...input, bytes }).durable;
    directory.crash();
    const second = await run.open({ programs: [patient], limits });
    expect(await second.finished(told)).toMatchObject({
      outcome: "done",
      result: "hello",
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(second.figures().active).toBe(0);
    expect(second.metrics().resumed).toBe(1);
    for (const id of others) {
      expect(second.status(id).phase).toBe("waiting");
      await second.input(id, { type: "word", data: id });
      expect((await second.finished(id)).outcome).toBe("done");
    }
  });
});

describe("the registry of sessions", () => {
  const patient = programOf(
    "patient",
    "{ init: () => ({}), reduce: (s) => s, step: (ctx) => ctx.waitFor('word') }",
  );
  const limits = { idleMs: 20, registryMs: 20 };

  /** A session sleeps, and the registry says so. */
  async function asleep(run: Running): Promise<string> {
    const engine = await run.open({ programs: [patient], limits });
    const { id } = await engine.start("patient", null);
    await until(() => registryOf(run)?.sessions.get(id)?.logBytes !== undefined);
    return id;
  }

  const registryOf = (run: Running) => readRegistry(nodeDisk, run.directory.path);
  const fileOf = (run: Running): number => {
    return fs.statSync(`${run.scratch.at("data", "default")}/engine.registry`).ino;
  };

  it("may be behind from the moment an engine opens, and still says what it said", async () => {
    const run = fresh();
    const id = await asleep(run);
    await run.close();
    const before = readRegistry(nodeDisk, run.scratch.at("data", "default"));
    expect(before?.clean).toBe(true);
    await run.open({ programs: [patient], limits: { ...limits, registryMs: 1e6 } });
    expect(registryOf(run)).toEqual({ clean: false, sessions: before?.sessions });
    expect(before?.sessions.has(id)).toBe(true);
  });

  it("that cannot be made to say so keeps an engine from opening", async () => {
    const disk = new FaultyDisk();
    const run = new Running(disk);
    opened.push(run);
    const id = await asleep(run);
    await run.close();
    disk.fault = { part: "/engine.registry", code: "IO_FAILED", mode: "writing" };
    await expect(run.open({ programs: [patient], limits })).rejects.toMatchObject({
      code: "IO_FAILED",
    });
    await run.crash();
    expect(readRegistry(nodeDisk, run.scratch.at("data", "default"))?.clean).toBe(true);
    disk.fault = undefined;
    const engine = await run.open({ programs: [patient], limits });
    expect(engine.status(id).phase).toBe("waiting");
  });

  it("is not written anew after a crash, since it says already that it may be behind", async () => {
    const run = fresh();
    const id = await asleep(run);
    await run.crash();
    const before = fileOf(run);
    await run.open({ programs: [patient], limits: { ...limits, registryMs: 1e6 } });
    expect(fileOf(run)).toBe(before);
    expect(registryOf(run)?.clean).toBe(false);
    expect(registryOf(run)?.sessions.has(id)).toBe(true);
  });
});

describe("a session goes on", () => {
  it("from every place at which its log can end, and comes to the same end", async () => {
    const { run, id } = await undisturbed();
    const whole = run.directory.session(id);
    const events = [...whole.events()];
    whole.close();
    const target = fresh();
    await target.open({ programs: [worker], effects });
    const { directory } = target;
    const program = await target.engine.start("worker", null).then(async (one) => {
      await target.engine.input(one.id, { type: "word", data: "hello" });
      await target.engine.finished(one.id);
      return directory.session(one.id).manifest.program;
    });
    if (!program) throw new Error("an executed session has a program");
    const cuts: string[] = [];
    for (let size = 1; size < events.length; size++) {
      const writer = directory.createSession({ kind: "executed", program });
      for (const { kind, type, time, ref, payloadBytes } of events.slice(0, size)) {
        writer.append({ kind, type, time, ref, form: "cbor", bytes: payloadBytes });
      }
      await directory.closeWriter(writer);
      cuts.push(writer.id);
    }
    // An engine that finds them there, as after a crash.
    await target.crash();
    const engine = await target.open({ programs: [worker], effects });
    const results = events
      .filter(({ kind }) => kind === "result")
      .map(({ data }) => (data as { value: string }).value);
    for (const cut of cuts) {
      // A log that ends before its input waits for one.
      const waits = (): boolean => engine.status(cut).waiting?.inputs.includes("word") === true;
      if (engine.status(cut).phase !== "ended" && !hasInput(target, cut)) {
        await engine.input(cut, { type: "word", data: "hello" });
      }
      const { outcome, result } = await engine.finished(cut);
      expect(outcome).toBe("done");
      expect((result as string[]).sort()).toEqual([...results].sort());
      expect(waits()).toBe(false);
    }
    expect(target.troubles).toEqual([]);
  });

  it("after the process died, its calls carried out again with the same key", async () => {
    const run = fresh();
    const keys: string[] = [];
    let answer = (): void => {};
    const slow = effectsOf({
      work: async (n: number, { key, signal }) => {
        keys.push(key);
        await new Promise<void>((resolve) => {
          answer = resolve;
          signal.addEventListener("abort", () => resolve());
        });
        return n;
      },
    });
    const program = programOf(
      "one",
      `{ step: async (ctx) => ({ done: await ctx.call("work", 7) }) }`,
    );
    const first = await run.open({ programs: [program], effects: slow });
    const { id } = await first.start("one", null);
    await until(() => keys.length === 1);
    await run.crash();
    const second = await run.open({ effects: slow });
    await until(() => keys.length === 2);
    answer();
    expect((await second.finished(id)).result).toBe(7);
    expect(keys).toEqual([`${id}/1`, `${id}/1`]);
    expect(run.events(id).filter((event) => event.startsWith("call"))).toHaveLength(1);
  });

  it("with the calls carried out again that earlier steps have left over", async () => {
    const run = fresh();
    let keys: string[] = [];
    const open = new Map<string, () => void>();
    const waiting = effectsOf({
      wait: (n: number, { key, signal }) => {
        keys.push(key);
        signal.addEventListener("abort", () => open.delete(key));
        return new Promise((resolve) => open.set(key, () => resolve(n)));
      },
      work: (n: number) => n,
    });
    const program = programOf(
      "leaver",
      `{
        init: () => ({ turn: 0, late: [] }),
        reduce(state, event) {
          if (event.kind === "step") state.turn += 1;
          if (event.kind === "result" && event.type === "wait") state.late.push(event.data.value);
          return state;
        },
        async step(ctx) {
          const turn = ctx.state.turn;
          if (turn === 0 || turn === 20) ctx.call("wait", turn);
          if (turn < 25) { await ctx.call("work", turn); return "continue"; }
          await ctx.waitFor("go");
          return { done: ctx.state.late };
        },
      }`,
    );
    const options = { effects: waiting, limits: { snapshotEvents: 20 } };
    const first = await run.open({ programs: [program], ...options });
    const { id } = await first.start("leaver", null);
    const waits = (): boolean => run.engine.status(id).waiting?.inputs[0] === "go";
    await until(waits);
    const calls = [...keys];
    expect(calls).toHaveLength(2);
    await run.crash();
    keys = [];
    const second = await run.open(options);
    await until(() => waits() && keys.length === 2);
    expect(keys).toEqual(calls);
    open.get(calls[0] as string)?.();
    await until(() => run.events(id).some((event) => event.startsWith("result:wait")));
    await run.close();
    keys = [];
    await run.open(options);
    await until(() => waits() && keys.length === 1);
    expect(keys).toEqual([calls[1]]);
    open.get(calls[1] as string)?.();
    await until(() => run.engine.status(id).size > second.status(id).size || open.size === 0);
    await run.engine.input(id, { type: "go", data: null });
    expect((await run.engine.finished(id)).result).toEqual([0, 20]);
  });

  it("after it has slept, for an input, a timer, and after the engine was closed", async () => {
    const run = fresh();
    const program = programOf(
      "sleeper",
      `{ async step(ctx) {
        const word = await ctx.waitFor("word");
        await ctx.sleep(word);
        return { done: word };
      } }`,
    );
    const limits = { idleMs: 10 };
    const engine = await run.open({ programs: [program], limits });
    const { id } = await engine.start("sleeper", null);
    const asleep = (): boolean => run.engine.metrics().sessionsActive === 0;
    await until(asleep);
    expect(engine.status(id)).toEqual({ phase: "waiting", size: 1 });
    await engine.input(id, { type: "word", data: 1000 });
    await until(asleep);
    expect(engine.metrics().resumed).toBe(1);
    await run.close();
    const again = await run.open({ limits });
    expect((await again.finished(id)).result).toBe(1000);
    expect(again.metrics().resumed).toBe(1);
  });

  it("from its snapshot, which is in the step event", async () => {
    const run = fresh();
    const program = programOf(
      "counter",
      `{
        init: () => ({ n: 0 }),
        reduce(state, event) { if (event.kind === "result") state.n += 1; return state; },
        async step(ctx) {
          if (ctx.state.n === 30) return { done: await ctx.waitFor("go") };
          await ctx.call("work", ctx.state.n);
          return "continue";
        },
      }`,
    );
    const options = { programs: [program], effects, limits: { snapshotEvents: 20 } };
    const engine = await run.open(options);
    const { id } = await engine.start("counter", null);
    await until(() => engine.status(id).waiting?.inputs[0] === "go");
    const states = run
      .events(id)
      .filter((event) => event.startsWith("step") && /state/.test(event));
    expect(states.length).toBeGreaterThan(3);
    await run.close();
    const again = await run.open(options);
    const reader = run.directory.session(id);
    expect(reader.snapshots(program.hash).length).toBe(states.length);
    reader.close();
    await again.input(id, { type: "go", data: "gone" });
    expect((await again.finished(id)).result).toBe("gone");
  });
});

describe("a session that was cancelled and goes on all the same", () => {
  const stubborn = programOf(
    "stubborn",
    `{
      init: () => ({ n: 0 }),
      reduce(state, event) { if (event.kind === "input") state.n += 1; return state; },
      async step(ctx) {
        try { await ctx.waitFor("x"); } catch { ctx.emit("still here"); }
        return "continue";
      },
    }`,
  );

  const limits = { cancelGraceMs: 60_000, snapshotEvents: 20 };
  const left: number[] = [];

  /** A minute passes in a moment. */
  function delay(ms: number, wake: () => void): () => void {
    if (ms > 10_000) left.push(ms);
    const timer = setTimeout(wake, ms > 10_000 ? 400 : ms);
    return () => clearTimeout(timer);
  }

  it.each([
    ["a crash", 0],
    ["a crash", 40],
    ["a clean end", 0],
    ["a clean end", 40],
  ])("has the rest of its time after %s of its engine, %i inputs later", async (end, inputs) => {
    const run = fresh();
    const first = await run.open({ programs: [stubborn], limits });
    const { id } = await first.start("stubborn", null);
    await until(() => first.status(id).phase === "waiting");
    await first.cancel(id);
    for (let n = 0; n < inputs; n++) await first.input(id, { type: "x", data: n });
    await until(() => run.events(id).at(-1)?.startsWith("step") === true);
    if (end === "a crash") await run.crash();
    else await run.close();
    left.length = 0;
    const engine = await run.open({ limits, delay });
    await until(() => left.length > 0);
    expect(left.every((ms) => ms <= 60_000)).toBe(true);
    expect(await engine.finished(id)).toMatchObject({ outcome: "cancelled", forced: true });
    expect(run.events(id).filter((event) => event.startsWith("end"))).toHaveLength(1);
    expect(run.troubles).toEqual([]);
  });
});

describe("a session whose program does something else than its log says", () => {
  it("is stuck with a stable code, and nothing is appended to it", async () => {
    const run = fresh();
    const engine = await run.open({ programs: [worker], effects });
    const { id } = await engine.start("worker", null);
    await engine.input(id, { type: "word", data: "hello" });
    await engine.finished(id);
    const { program } = run.directory.session(id).manifest;
    if (!program) throw new Error("an executed session has a program");
    const writer = run.directory.createSession({ kind: "executed", program });
    const time = Date.now();
    const bytes = encodeValue(null);
    writer.append({ kind: "trigger", type: "worker", time, ref: null, form: "cbor", bytes });
    const other = { time, ref: null, form: "cbor", bytes: encodeValue({ input: 99 }) } as const;
    writer.append({ kind: "call", type: "work", ...other });
    await run.directory.closeWriter(writer);
    await expect(engine.input(writer.id, { type: "word", data: 1 })).rejects.toMatchObject({
      code: "RESUME_DIVERGED",
    });
    expect(engine.status(writer.id)).toMatchObject({
      phase: "stuck",
      size: 2,
      error: { code: "RESUME_DIVERGED" },
    });
    await expect(engine.finished(writer.id)).rejects.toMatchObject({ code: "RESUME_DIVERGED" });
    expect(run.events(writer.id)).toHaveLength(2);
  });
});

function hasInput(run: Running, id: string): boolean {
  return run.events(id).some((event) => event.startsWith("input"));
}
