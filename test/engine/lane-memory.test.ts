import { describe, expect, it } from "vitest";
import { Lane } from "../../src/engine/lanes/lane.ts";

function laneWith(
  memory: { share: number; contexts: number; kept: number },
  now: { sessions: number; inFlight: number },
): Lane {
  const lane = new Lane({ send: () => {}, kill: () => {} });
  lane.noteMemory(memory);
  return Object.assign(lane, now);
}

describe("the memory of a lane", () => {
  it("has room until something else is known", () => {
    const lane = new Lane({ send: () => {}, kill: () => {} });
    Object.assign(lane, { sessions: 100, inFlight: 16 });
    expect(lane).toMatchObject({ isTight: false, hasMemory: true });
  });

  it("is judged by what contexts take, not by those that are kept for later", () => {
    const memory = { share: 0.19, contexts: 2, kept: 64 };
    const lane = laneWith(memory, { sessions: 60, inFlight: 16 });
    expect(lane).toMatchObject({ isTight: false, hasMemory: true });
  });

  it("is judged before much is added to it", () => {
    const memory = { share: 0.45, contexts: 16, kept: 0 };
    expect(laneWith(memory, { sessions: 16, inFlight: 3 }).hasMemory).toBe(true);
    expect(laneWith(memory, { sessions: 16, inFlight: 5 }).hasMemory).toBe(false);
  });

  it("is given back until enough of it is free", () => {
    const memory = { share: 0.7, contexts: 20, kept: 0 };
    expect(laneWith(memory, { sessions: 20, inFlight: 0 })).toMatchObject({
      isTight: true,
      hasMemory: false,
    });
    const lane = laneWith(memory, { sessions: 20, inFlight: 0 });
    for (let i = 0; i < 6; i++) lane.leave();
    expect(lane).toMatchObject({ sessions: 14, isTight: false, hasMemory: true });
  });

  it("counts as free when the one that used it has gone, whoever has come since", () => {
    const lane = laneWith({ share: 0.6, contexts: 1, kept: 0 }, { sessions: 4, inFlight: 0 });
    expect(lane.isTight).toBe(true);
    lane.leave();
    expect(lane).toMatchObject({ sessions: 3, isTight: false, hasMemory: true });
  });

  it("never keeps the last sessions from running", () => {
    const memory = { share: 0.9, contexts: 2, kept: 0 };
    expect(laneWith(memory, { sessions: 2, inFlight: 0 })).toMatchObject({
      isTight: false,
      hasMemory: true,
    });
  });
});
