// What a program logs in the turn in which it ends stands in front of the end: after a crash at any
// event, in a replay, for changed code and for forks.

import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  encodeValue,
  newSessionId,
  type SessionId,
  sha256,
  systemClock,
  systemEntropy,
  utf8,
} from "../../src/base/index.ts";
import { Engine } from "../../src/engine/index.ts";
import {
  closeWorkers,
  type LoadedProgram,
  programFor,
  type ReplayReport,
  replaySession,
} from "../../src/runtime/index.ts";
import { Directory, forkSession } from "../../src/session/index.ts";
import { Scratch } from "../session/sample-session.ts";
import { eventsOf } from "./random-world.ts";

/** More than two batches hold. */
const lines = 120;

/** Calls something, logs much and ends like this. */
function ending(how: string): LoadedProgram {
  const code = `var program; program = { default: {
    name: "talker", version: "1",
    init: () => ({ seqs: [] }),
    reduce(state, event) { state.seqs.push(event.seq); return state; },
    async step(ctx) {
      const value = await ctx.call("work", 1);
      ctx.emit("got", value);
      for (let i = 0; i < ${lines}; i++) ctx.log("line", i);
      ${how}
    },
  } };`;
  const hash = sha256(utf8(code));
  return { name: "talker", version: "1", hash, where: "a.js", code, map: null, hasStep: true };
}

const failing = ending(`throw new RangeError("boom");`);
const done = ending(`return { done: value };`);

let scratch: Scratch;
let directory: Directory;
let engine: Engine;

beforeEach(async () => {
  scratch = new Scratch();
  directory = await Directory.open({ path: scratch.at("data", "default"), mode: "write" });
  engine = await Engine.open({
    directory,
    runners: { kind: "inline" },
    resumes: "asked",
    effects: { run: async () => ({ value: encodeValue(7) }) },
  });
});
afterEach(async () => {
  await engine.close({ graceMs: 100 });
  await directory.close();
  scratch.remove();
});
afterAll(() => closeWorkers());

async function ran(program: LoadedProgram): Promise<SessionId> {
  const { id } = await engine.start(program, null);
  await engine.finished(id);
  return id;
}

/** A session with the first `size` events of another one, in full batches. */
async function cut(source: SessionId, size: number): Promise<SessionId> {
  const reader = directory.session(source);
  reader.close();
  const id = newSessionId(systemClock, systemEntropy);
  const writer = directory.createSession({ manifest: { ...reader.manifest, id } });
  for (const { kind, type, time, ref, payloadBytes } of eventsOf(directory, source).slice(
    0,
    size,
  )) {
    writer.append({ kind, type, time, ref, form: "cbor", bytes: payloadBytes });
  }
  await directory.closeWriter(writer);
  return id;
}

async function replayed(id: SessionId, changed?: LoadedProgram): Promise<ReplayReport> {
  const program = changed ?? (await programFor(directory, id));
  return replaySession(directory, id, { program, workers: 1 });
}

const shown = (id: SessionId): string[] =>
  eventsOf(directory, id).map(({ kind, type, ref, data }) => {
    return JSON.stringify([kind, type, ref, data]);
  });

describe("what a program logs before it ends", () => {
  it.each([
    ["fails", failing, ["trigger", "call", "result", "emit"]],
    ["is done", done, ["trigger", "call", "result", "emit", "step"]],
  ])("is in the log when it %s, and a replay is identical", async (_, program, before) => {
    const id = await ran(program);
    const kinds = eventsOf(directory, id).map(({ kind }) => kind);
    expect(kinds).toEqual([...before, ...Array.from({ length: lines }, () => "note"), "end"]);
    expect(eventsOf(directory, id).at(-2)?.data).toEqual(["line", lines - 1]);
    expect(engine.status(id)).toMatchObject({ phase: "ended", size: kinds.length });
    expect(await replayed(id)).toMatchObject({ verdict: "identical" });
  });

  it("is there once, in the same order, wherever a crash left a session that fails", async () => {
    const id = await ran(failing);
    const whole = shown(id);
    for (let size = 1; size < whole.length; size += size < 8 || size > 115 ? 1 : 7) {
      const own = await cut(id, size);
      await engine.resume(own);
      await engine.finished(own);
      expect(shown(own), `from ${size}`).toEqual(whole);
      expect(await replayed(own)).toMatchObject({ verdict: "identical" });
    }
  });

  it("is there as far as it came when a crash left a session that is done", async () => {
    const id = await ran(done);
    const whole = shown(id);
    for (const size of [3, 4, 5, 6, 50, 100, whole.length - 1]) {
      const own = await cut(id, size);
      await engine.resume(own);
      await engine.finished(own);
      const rest = size < 5 ? whole.slice(size) : whole.slice(-1);
      expect(shown(own), `from ${size}`).toEqual([...whole.slice(0, size), ...rest]);
      expect(await replayed(own)).toMatchObject({ verdict: "identical" });
    }
  });

  it("may be cut off with the end behind it where a batch is full, and nowhere else", async () => {
    for (const program of [failing, done]) {
      const id = await ran(program);
      for (const size of [50, 100]) {
        expect(await replayed(await cut(id, size))).toMatchObject({ verdict: "identical" });
      }
      const { divergence } = await replayed(await cut(id, 70));
      expect(divergence).toMatchObject({ actual: { kind: "end" }, expected: null });
    }
  });

  it("is passed over in a report about code that does not end there", async () => {
    const id = await ran(failing);
    const changed = ending(`await ctx.call("more", 2);`);
    const { verdict, divergence } = await replayed(id, changed);
    expect(verdict).toBe("diverged");
    expect(divergence).toMatchObject({
      seq: 4 + lines,
      expected: { kind: "end", type: "failed" },
      actual: { kind: "call", type: "more" },
      pending: { calls: [{ kind: "call", type: "more" }] },
    });
    const other = await replayed(id, ending(`throw new TypeError("other");`));
    expect(other.divergence).toMatchObject({
      seq: 4 + lines,
      expected: { kind: "end" },
      actual: { kind: "end" },
    });
  });

  it("is no place to fork at: it belongs to what made the end", async () => {
    const id = await ran(failing);
    for (const at of [3, 4, 10, 3 + lines]) {
      await expect(forkSession(directory, id, { at })).rejects.toMatchObject({
        code: "USAGE",
        hint: "fork it at 2 or before",
      });
    }
    const fork = await forkSession(directory, id, { at: 2, overrides: new Map([[1, 8]]) });
    await engine.resume(fork.id);
    await engine.finished(fork.id);
    expect(eventsOf(directory, fork.id).filter(({ type }) => type === "log")).toHaveLength(lines);
    expect(await replayed(fork.id)).toMatchObject({ verdict: "identical" });
  });
});
