// Programs with one leak each: none passes unnoticed, none reaches the host. Which way each of them
// shows is said in `leaks/`.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { decodeValue } from "../../src/base/index.ts";
import { bundleProgram } from "../../src/runtime/bundle.ts";
import { type CompiledProgram, compileProgram, ProgramContext } from "../../src/sandbox/index.ts";
import { type Leak, sourceOf } from "./leaks/leak.ts";
import { valueLeaks } from "./leaks/of-values.ts";
import { refusedLeaks } from "./leaks/refused.ts";
import { fixedLeaks, replayLeaks, stateLeaks } from "./leaks/shown-by-replay.ts";
import { type Play, playOut, replay } from "./play.ts";

const folder = mkdtempSync(path.join(tmpdir(), "reach-leaks-"));
afterAll(() => rmSync(folder, { recursive: true }));
const zone = process.env["TZ"];
afterEach(() => {
  if (zone === undefined) Reflect.deleteProperty(process.env, "TZ");
  else process.env["TZ"] = zone;
});

async function load(leak: Leak): Promise<CompiledProgram> {
  const file = path.join(folder, "leak.ts");
  writeFileSync(file, sourceOf(leak));
  const text = await bundleProgram(file);
  return compileProgram({ ...text, code: text.code as string });
}

function play(program: CompiledProgram): Play {
  return playOut(program, (_, input) => input ?? null);
}

function leaks(list: readonly Leak[], outcome: string): [string, Leak][] {
  return list.filter((leak) => leak.outcome === outcome).map((leak) => [leak.name, leak]);
}

/** The state that the events of a session give without its steps. */
function folded({ program, events }: Play): unknown {
  const context = ProgramContext.create(program);
  for (const event of events) {
    if (event.seq === 0) context.init(event);
    context.fold(event);
  }
  return decodeValue(context.snapshot());
}

test("there are more than forty of them, and each is told apart by name", () => {
  const all = [...refusedLeaks, ...replayLeaks, ...stateLeaks, ...fixedLeaks, ...valueLeaks];
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  expect(all.filter(({ outcome }) => outcome !== "same again").length).toBeGreaterThan(80);
});

test("a program without a leak passes all of these checks", async () => {
  const program = await load({
    name: "none",
    outcome: "fixed",
    step: "ctx.emit('x', ctx.random());",
  });
  const played = play(program);
  expect(played.activation?.ended?.next).toBe("done");
  expect(replay(played)).toMatch(/^[0-9a-f]{64}$/);
  expect(folded(played)).toEqual(played.state());
});

describe("refused by the bundler, with its place:", () => {
  test.each(leaks(refusedLeaks, "refused"))("%s", async (_, leak) => {
    await expect(load(leak)).rejects.toMatchObject({
      code: "PROGRAM_INVALID",
      where: expect.stringMatching(/leak\.ts:\d+:\d+$/),
      message: expect.stringContaining(leak.message as string),
    });
  });
});

describe("fails inside, and says why:", () => {
  test.each(leaks([...refusedLeaks, ...valueLeaks], "throws"))("%s", async (_, leak) => {
    let message: string;
    try {
      const { activation } = play(await load(leak));
      message = activation?.failed?.message ?? "it did not fail";
    } catch (error) {
      message = (error as Error).message;
      expect(error).toMatchObject({ code: expect.stringMatching(/^PROGRAM_(INVALID|FAILED)$/) });
    }
    expect(message).toContain(leak.message);
  });
});

describe("cannot be kept in a snapshot:", () => {
  test.each(leaks(stateLeaks, "state"))("%s", async (_, leak) => {
    const played = play(await load(leak));
    expect(() => played.state()).toThrow(
      expect.objectContaining({
        code: "STATE_UNSUPPORTED",
        message: expect.stringContaining(leak.message as string),
      }),
    );
  });
});

describe("does something else when it is run again:", () => {
  test.each(leaks([...replayLeaks, ...valueLeaks], "diverges"))("%s", async (_, leak) => {
    const program = await load(leak);
    // How deep the stack is differs by chance: one of a few replays is sure to begin elsewhere.
    const replays = Array.from({ length: 8 }, () => replay(play(program)));
    expect(replays.some((outcome) => typeof outcome === "object")).toBe(true);
  });
});

describe("is not what its events alone give:", () => {
  test.each(leaks(replayLeaks, "folds differently"))("%s", async (_, leak) => {
    const played = play(await load(leak));
    expect(played.activation?.failed).toBeUndefined();
    expect(folded(played)).not.toEqual(played.state());
  });
});

describe("is the same on every machine:", () => {
  test.each(leaks(fixedLeaks, "fixed"))("%s", async (_, leak) => {
    const program = await load(leak);
    for (const name of ["UTC", "Asia/Kathmandu", "America/Los_Angeles"]) {
      process.env["TZ"] = name;
      const emitted = play(program)
        .lines()
        .find(({ type }) => type === "x");
      expect(JSON.stringify(emitted?.data)).toBe(leak.message);
    }
  });
});

describe("looks like a leak, and does the same again:", () => {
  test.each(leaks(valueLeaks, "same again"))("%s", async (_, leak) => {
    const played = play(await load(leak));
    expect(played.activation?.failed).toBeUndefined();
    expect(replay(played)).toMatch(/^[0-9a-f]{64}$/);
    expect(folded(played)).toEqual(played.state());
  });
});
