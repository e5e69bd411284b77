// Inputs with a key: taken once, whoever sends them again, also after a crash and after the end.

import { afterEach, describe, expect, it } from "vitest";
import { encodeValue, sha256, utf8 } from "../../src/base/index.ts";
import { forkSession } from "../../src/session/index.ts";
import { FaultyDisk } from "./faulty-disk.ts";
import { programOf, Running, until } from "./running.ts";

const opened: Running[] = [];

function fresh(disk?: FaultyDisk): Running {
  const one = new Running(disk);
  opened.push(one);
  return one;
}

afterEach(async () => {
  for (const one of opened.splice(0)) await one.end();
});

/** Adds what it gets, until it gets "end". */
const adding = programOf(
  "adding",
  `{
    init: () => ({ sum: 0 }),
    reduce(state, event) {
      if (event.kind === "emit") state.sum += event.data;
      return state;
    },
    async step(ctx) {
      const data = await ctx.waitFor("add");
      if (data === "end") return { done: ctx.state.sum };
      ctx.emit("added", data);
      return "continue";
    },
  }`,
);
const programs = [adding];
const add = (data: unknown) => ({ type: "add", data });
const keyed = (key: string, data: unknown, place = 0) => {
  return { key, place, request: sha256(encodeValue(data)) };
};
const inputs = (run: Running, id: string): string[] => {
  return run.events(id).filter((event) => event.startsWith("input:"));
};

describe("an input with a key", () => {
  it("is taken once, by one process and by the next, and after the session has ended", async () => {
    const run = fresh();
    let engine = await run.open({ programs });
    const { id } = await engine.start("adding", null);
    const first = await engine.input(id, add(4), keyed("k", 4));
    expect(first.duplicate).toBe(false);
    const again = { seq: first.seq, duplicate: true };
    expect(await engine.input(id, add(4), keyed("k", 4))).toEqual(again);
    await run.crash();
    engine = await run.open({ programs });
    expect(await engine.input(id, add(4), keyed("k", 4))).toEqual(again);
    const last = await engine.input(id, add("end"), keyed("end", "end"));
    expect((await engine.finished(id)).result).toBe(4);
    await run.close();
    engine = await run.open({ programs });
    expect(await engine.input(id, add(4), keyed("k", 4))).toEqual(again);
    const over = { seq: last.seq, duplicate: true };
    expect(await engine.input(id, add("end"), keyed("end", "end"))).toEqual(over);
    await expect(engine.input(id, add(1), keyed("new", 1))).rejects.toMatchObject({
      code: "SESSION_ENDED",
    });
    expect(inputs(run, id)).toHaveLength(2);
  });

  it("stands behind the note of its key, which says neither the key nor the input", async () => {
    const run = fresh();
    const engine = await run.open({ programs });
    const { id } = await engine.start("adding", null);
    const { seq } = await engine.input(id, add(4), keyed("order-17", 4));
    const note = run.events(id)[seq - 1];
    expect(note).toBe('note:idempotency {"key":"32 bytes","request":"32 bytes"}');
  });

  it("is refused when the key was used with another one", async () => {
    const run = fresh();
    const engine = await run.open({ programs });
    const { id } = await engine.start("adding", null);
    const refused = { code: "IDEMPOTENCY_KEY_REUSED", where: id };
    const both = [
      engine.input(id, add(4), keyed("k", 4)),
      engine.input(id, add(5), keyed("k", 5)),
    ] as const;
    await expect(both[1]).rejects.toMatchObject(refused);
    await both[0];
    await expect(engine.input(id, add(5), keyed("k", 5))).rejects.toMatchObject(refused);
    expect(inputs(run, id)).toEqual(["input:add 4"]);
  });

  it("is taken once when it is sent many times at once, beside others", async () => {
    const run = fresh();
    const engine = await run.open({ programs });
    const { id } = await engine.start("adding", null);
    const sent = Array.from({ length: 40 }, (_, i) => {
      return engine.input(id, add(1 + (i % 4)), keyed(`k${i % 4}`, i % 4));
    });
    const told = await Promise.all(sent);
    expect(told.filter(({ duplicate }) => !duplicate)).toHaveLength(4);
    expect(new Set(told.map(({ seq }) => seq)).size).toBe(4);
    await engine.input(id, add("end"));
    expect((await engine.finished(id)).result).toBe(10);
  });

  it("holds for one session: not for another one, nor for a fork", async () => {
    const run = fresh();
    const engine = await run.open({ programs });
    const one = await engine.start("adding", null);
    const other = await engine.start("adding", null);
    for (const { id } of [one, other]) {
      expect(await engine.input(id, add(4), keyed("k", 4))).toMatchObject({ duplicate: false });
    }
    await until(() => inputs(run, one.id).length === 1 && engine.status(one.id).size > 4);
    // Behind the turn of the input, and between the note and the input.
    for (const at of [5, 2]) {
      const fork = await forkSession(run.directory, one.id, { at });
      const there = await engine.input(fork.id, add(4), keyed("k", 4));
      expect(there.duplicate).toBe(false);
      await engine.input(fork.id, add("end"));
      expect((await engine.finished(fork.id)).result).toBe(at === 5 ? 8 : 4);
    }
  });

  it("has all places of a request", async () => {
    const run = fresh();
    const engine = await run.open({ programs });
    const { id } = await engine.start("adding", null);
    const places = [0, 1, 0, 1];
    const told = [];
    for (const place of places) told.push(await engine.input(id, add(2), keyed("k", 2, place)));
    expect(told.map(({ duplicate }) => duplicate)).toEqual([false, false, true, true]);
    expect(inputs(run, id)).toHaveLength(2);
  });

  it("can be sent again when the disk did not take it, note and input together", async () => {
    const disk = new FaultyDisk();
    const run = fresh(disk);
    const engine = await run.open({ programs });
    const { id } = await engine.start("adding", null);
    await until(() => engine.status(id).phase === "waiting");
    disk.fault = { part: "/journal/", code: "DISK_FULL", mode: "writing" };
    const failed = engine.input(id, add(4), keyed("k", 4));
    await expect(failed).rejects.toMatchObject({ code: "DISK_FULL" });
    disk.fault = undefined;
    expect(run.events(id)).toHaveLength(1);
    expect(await engine.input(id, add(4), keyed("k", 4))).toMatchObject({ duplicate: false });
    await engine.input(id, add("end"), keyed("end", "end"));
    expect((await engine.finished(id)).result).toBe(4);
  });

  it("may be large, and is found among many events", async () => {
    const run = fresh();
    let engine = await run.open({ programs });
    const { id } = await engine.start("adding", null);
    const large = "x".repeat(1_500_000);
    const { seq } = await engine.input(id, { type: "note", data: large }, keyed("k", large));
    const others = Array.from({ length: 1500 }, (_, i) => engine.input(id, add(i)));
    await Promise.all(others);
    await run.crash();
    engine = await run.open({ programs });
    const again = await engine.input(id, { type: "note", data: large }, keyed("k", large));
    expect(again).toEqual({ seq, duplicate: true });
  });

  it("is not taken for a note that a handler made", async () => {
    const run = fresh();
    const hash = sha256(utf8("x"));
    const effects = {
      async run(request: { note(type: string, data: unknown): void }) {
        request.note("idempotency", { key: hash, request: hash });
        request.note("idempotency", "what is this");
        return { value: encodeValue(null) };
      },
    };
    const calling = programOf(
      "calling",
      `{ async step(ctx) { await ctx.call("x", 1); return { done: await ctx.waitFor("add") }; } }`,
    );
    const engine = await run.open({ programs: [calling], effects: effects as never });
    const { id } = await engine.start("calling", null);
    await until(() => engine.status(id).waiting?.inputs.length === 1);
    expect(await engine.input(id, add(4), keyed("k", 4))).toMatchObject({ duplicate: false });
    expect((await engine.finished(id)).result).toBe(4);
  });
});
