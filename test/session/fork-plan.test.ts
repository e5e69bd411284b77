// Planning a fork looks through the events of its source; others get their turns meanwhile.

import { expect, it } from "vitest";
import type { EventKind, EventView } from "../../src/event/index.ts";
import { planFork } from "../../src/session/fork-plan.ts";
import type { SessionReader } from "../../src/session/index.ts";
import { turnsOfOthers } from "../turns-of-others.ts";

const size = 50_000;
const id = "0199c1f2-0000-7000-8000-000000000001";

/** A session that grows while it is looked at: a trigger, a call, and what came of them. */
function growing(more: EventKind): SessionReader {
  const kinds: Record<number, EventKind> = { 0: "trigger", 1: "step", 2: "call" };
  const event = (seq: number): EventView => {
    const kind = seq >= size ? more : (kinds[seq] ?? "emit");
    const ref = kind === "result" ? 2 : null;
    const payloadBytes = new Uint8Array(1);
    return { seq, kind, type: "made", ref, payloadBytes } as unknown as EventView;
  };
  function* events(from = 0, to = Number.POSITIVE_INFINITY): Generator<EventView, void> {
    for (let seq = from; seq < Math.min(to, size + 10); seq++) yield event(seq);
  }
  return { id, size, reliableSize: size, event, events } as unknown as SessionReader;
}

it("leaves the thread to others while it looks", async () => {
  const turns = turnsOfOthers();
  const plan = await planFork(growing("emit"), { at: 3, rerunOpen: true });
  expect(plan).toMatchObject({ cut: size, open: [2] });
  expect(turns()).toBeGreaterThan(10);
});

it("takes the source as it is when it begins, though it grows meanwhile", async () => {
  const plan = await planFork(growing("result"), { at: size, rerunOpen: false }).catch(
    ({ code }: { code: string }) => code,
  );
  expect(plan).toBe("USAGE");
});

it("is interrupted in the middle", async () => {
  const signal = AbortSignal.abort();
  const planned = planFork(growing("emit"), { at: 3, rerunOpen: true }, signal);
  await expect(planned).rejects.toMatchObject({ code: "INTERRUPTED" });
});
