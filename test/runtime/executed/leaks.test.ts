// Programs with one leak each that nothing refuses: a replay of a session that they ran reports
// each of them, with the cause, and none passes as identical.

import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { OperationCauseKind } from "../../../src/replay/index.ts";
import { bundleProgram } from "../../../src/runtime/bundle.ts";
import { answering, type ProgramText } from "../../../tools/generator/executed-session.ts";
import { type Leak, sourceOf } from "../../sandbox/leaks/leak.ts";
import { valueLeaks } from "../../sandbox/leaks/of-values.ts";
import { fixedLeaks, replayLeaks, stateLeaks } from "../../sandbox/leaks/shown-by-replay.ts";
import { divergenceOf, freshPath, replay, type StoredSession, store } from "./steps.ts";

async function played(leak: Leak): Promise<StoredSession> {
  const file = freshPath("leak.ts");
  writeFileSync(file, sourceOf(leak));
  const { hash, where, code, map } = await bundleProgram(file);
  const program: ProgramText = {
    name: "leak",
    version: "1",
    hash,
    where,
    code: code as string,
    map,
  };
  return store({ program, script: answering(() => "answer"), input: null });
}

function leaks(list: readonly Leak[]): [string, Leak][] {
  return list.map((leak) => [leak.name, leak]);
}

const shown = [...replayLeaks, ...stateLeaks, ...valueLeaks.filter(isShown)];
const harmless = [...fixedLeaks, ...valueLeaks.filter(({ outcome }) => outcome === "same again")];

function isShown({ outcome }: Leak): boolean {
  return outcome === "diverges" || outcome === "folds differently" || outcome === "state";
}

const unlucky = "how deep the stack is";
const causes: Readonly<Partial<Record<Leak["outcome"], OperationCauseKind>>> = {
  diverges: "kept-outside-state",
  "folds differently": "state-changed-by-step",
  state: "state-unsupported",
};

describe("a replay reports", () => {
  test.each(leaks(shown.filter(({ name }) => name !== unlucky)))("%s", async (_, leak) => {
    const session = await played(leak);
    const divergence = divergenceOf(await replay(session));
    expect(divergence.cause.kind).toBe(causes[leak.outcome]);
    if (leak.outcome === "state") expect(divergence.cause.text).toContain(leak.message);
  });

  test(`${unlucky}, as unrecorded input`, async () => {
    const leak = replayLeaks.find(({ name }) => name === unlucky) as Leak;
    // It differs by chance: one of a few sessions is sure to show it.
    const causesFound: string[] = [];
    for (let i = 0; i < 8 && causesFound.length === 0; i++) {
      const { divergence } = await replay(await played(leak));
      if (divergence?.about === "operation") causesFound.push(divergence.cause.kind);
    }
    expect(causesFound).toEqual(["unrecorded-input"]);
  });
});

describe("a replay is identical with what only looks like a leak:", () => {
  test.each(leaks(harmless))("%s", async (_, leak) => {
    expect((await replay(await played(leak))).verdict).toBe("identical");
  });
});
