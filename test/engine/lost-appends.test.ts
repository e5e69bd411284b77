// Logs that take no event for a moment, for want of room or because the disk fails: nothing of a
// turn is in the log that the events before it are missing from, nobody takes the failure for
// something that the program did, and the session goes on by itself.

import { afterEach, describe, expect, it } from "vitest";
import { encodeValue, ReachError } from "../../src/base/index.ts";
import { FaultyDisk, Gate } from "./faulty-disk.ts";
import { effectsOf, programOf, Running, until } from "./running.ts";

const opened: Running[] = [];

function fresh(): { run: Running; disk: FaultyDisk } {
  const disk = new FaultyDisk();
  const run = new Running(disk);
  opened.push(run);
  return { run, disk };
}

afterEach(async () => {
  for (const one of opened.splice(0)) await one.end();
});

const fullJournal = { part: "/journal/", code: "DISK_FULL", mode: "writing" } as const;
/** Holds up the packs that large payloads go to. */
const packs = (gate: Gate) => (path: string) =>
  path.includes("/blobs/") ? gate.wait() : undefined;
const effects = effectsOf({ work: (n: number) => 2 * n });

/** An append by somebody else, which the journal does not take either. */
async function failGroup(run: Running): Promise<void> {
  const other = run.directory.createSession();
  const event = { kind: "emit", type: "other", time: 1, ref: null, form: "cbor" } as const;
  const { durable } = other.append({ ...event, bytes: encodeValue(null) });
  await expect(durable).rejects.toMatchObject({ code: "DISK_FULL" });
}

describe("a turn with a large payload", () => {
  const mixed = programOf(
    "mixed",
    `{ async step(ctx) {
      const word = await ctx.waitFor("go");
      const doubled = ctx.call("work", word);
      ctx.emit("big", "x".repeat(1_200_000));
      return { done: await doubled };
    } }`,
  );
  const whole = ["trigger:mixed", "input:go", "call:work", "emit:big", "result:work@2"];
  const headers = (run: Running, id: string): string[] =>
    run.events(id).map((event) => event.split(" ")[0] as string);

  it("is in the log as a whole, though the journal fails while its payload is stored", async () => {
    const { run, disk } = fresh();
    const engine = await run.open({ programs: [mixed], effects });
    const { id } = await engine.start("mixed", null);
    await until(() => engine.status(id).phase === "waiting");
    const gate = new Gate();
    disk.hold = packs(gate);
    // The input is the last that there is room for.
    const stop = run.directory.onCommit(() => {
      disk.fault = fullJournal;
      stop();
    });
    await engine.input(id, { type: "go", data: 4 });
    await until(() => gate.reached > 0);
    await failGroup(run);
    disk.fault = undefined;
    gate.open();
    expect((await engine.finished(id)).result).toBe(8);
    expect(headers(run, id).slice(0, 5)).toEqual(whole);
    // What is there is what the program makes again.
    await run.crash();
    const again = await run.open({ effects });
    expect(again.status(id).outcome).toBe("done");
  });

  it("is not in the log when the event that it is about is not", async () => {
    const { run, disk } = fresh();
    const engine = await run.open({ programs: [mixed], effects });
    const { id } = await engine.start("mixed", null);
    await until(() => engine.status(id).phase === "waiting");
    const [journal, payload] = [new Gate(), new Gate()];
    disk.hold = (path) => (path.includes("/journal/") ? journal.wait() : packs(payload)(path));
    const told = engine.input(id, { type: "go", data: 4 });
    const refused = expect(told).rejects.toMatchObject({ code: "DISK_FULL" });
    await until(() => journal.reached > 0 && payload.reached > 0);
    disk.fault = fullJournal;
    journal.open();
    await refused;
    disk.fault = undefined;
    payload.open();
    await until(() => engine.status(id).phase === "waiting");
    expect(headers(run, id)).toEqual(["trigger:mixed"]);
    await engine.input(id, { type: "go", data: 5 });
    expect((await engine.finished(id)).result).toBe(10);
    expect(headers(run, id).slice(0, 5)).toEqual(whole);
  });
});

it("a turn of several batches that the log did not take is made again", async () => {
  const many = programOf(
    "many",
    `{ async step(ctx) {
      const doubled = ctx.call("work", await ctx.waitFor("go"));
      for (let n = 0; n < 60; n++) ctx.emit("one of many", n);
      try { return { done: await doubled }; } catch (error) { return { done: "failed" }; }
    } }`,
  );
  const { run, disk } = fresh();
  const engine = await run.open({ programs: [many], effects });
  const { id } = await engine.start("many", null);
  await until(() => engine.status(id).phase === "waiting");
  // The input is the last that there is room for.
  const stop = run.directory.onCommit(() => {
    disk.fault = fullJournal;
    stop();
  });
  await engine.input(id, { type: "go", data: 4 });
  await until(() => disk.failures > 0 && run.troubles.length > 0);
  disk.fault = undefined;
  expect((await engine.finished(id)).result).toBe(8);
  expect(run.events(id).filter((event) => event.startsWith("emit"))).toHaveLength(60);
});

it("sessions whose large payloads find no room go on when there is some, all of them", async () => {
  const large = programOf(
    "large",
    `{ async step(ctx) {
      const word = await ctx.waitFor("go");
      ctx.emit("big", word.repeat(1_200_000));
      return { done: word };
    } }`,
  );
  const { run, disk } = fresh();
  const engine = await run.open({ programs: [large] });
  const first = await engine.start("large", null);
  await engine.input(first.id, { type: "go", data: "x" });
  await engine.finished(first.id);
  // The pack for such payloads is there, and has no room for more.
  const words = ["a", "b", "c"];
  const ids: string[] = [];
  for (const _ of words) ids.push((await engine.start("large", null)).id);
  await until(() => ids.every((id) => engine.status(id).phase === "waiting"));
  disk.fault = { part: "/blobs/", code: "DISK_FULL", mode: "writing" };
  await Promise.all(ids.map((id, i) => engine.input(id, { type: "go", data: words[i] })));
  await until(() => run.troubles.length >= ids.length);
  disk.fault = undefined;
  const reports = await Promise.all(ids.map((id) => engine.finished(id)));
  expect(reports.map(({ result }) => result)).toEqual(words);
});

it("a session that wakes while its log is being rebuilt goes on when it is", async () => {
  const patient = programOf(
    "patient",
    `{ async step(ctx) { return { done: await ctx.waitFor("go") }; } }`,
  );
  const { run } = fresh();
  const engine = await run.open({ programs: [patient], limits: { idleMs: 10 } });
  const { id } = await engine.start("patient", null);
  await until(() => engine.metrics().sessionsActive === 0);
  const { directory } = run;
  const appendTo = directory.appendTo.bind(directory);
  directory.appendTo = () => {
    directory.appendTo = appendTo;
    throw new ReachError("UNRECOVERED", "not yet in its place");
  };
  await engine.input(id, { type: "go", data: 3 });
  expect((await engine.finished(id)).result).toBe(3);
});

it("a session that waits for a call is not put away when its note was lost", async () => {
  const caller = programOf(
    "caller",
    `{ async step(ctx) {
      const worked = ctx.call("slow", 1);
      const word = await ctx.waitFor("go");
      return { done: [word, await worked, await ctx.waitFor("last")] };
    } }`,
  );
  const { run, disk } = fresh();
  const notes: ((type: string, data: unknown) => void)[] = [];
  const slow = effectsOf({
    slow: (n: number, { note }) => {
      notes.push(note);
      return notes.length === 1 ? new Promise(() => {}) : n;
    },
  });
  const limits = { idleMs: 10 };
  const engine = await run.open({ programs: [caller], effects: slow, limits });
  const { id } = await engine.start("caller", null);
  await until(() => notes.length === 1 && engine.metrics().sessionsLoaded === 0);
  // Its context is made again, so that the note is appended at once.
  await engine.input(id, { type: "other", data: null });
  await until(() => engine.status(id).phase === "waiting");
  disk.fault = fullJournal;
  notes[0]?.("retry", { attempt: 1 });
  await until(() => run.troubles.length > 0);
  disk.fault = undefined;
  // The sweep has come by; what the failure was to lead to is yet to come.
  await new Promise((resolve) => setTimeout(resolve, 200));
  await engine.input(id, { type: "go", data: "word" });
  await new Promise((resolve) => setTimeout(resolve, 1200));
  await engine.input(id, { type: "last", data: "end" });
  expect((await engine.finished(id)).result).toEqual(["word", 1, "end"]);
  expect(run.troubles).toHaveLength(1);
});
