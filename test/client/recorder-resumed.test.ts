// Going on with a recording of a server whose process has died, or lives after all.

import { describe, expect, it } from "vitest";
import { codeOf, ReachClient, type RemoteRecording } from "../../src/client.ts";
import { open } from "../../src/index.ts";
import { type Served, serve } from "../server/serving.ts";
import { Scratch } from "../session/sample-session.ts";
import { eventsOn, loggedOf, typesOn } from "./recorded.ts";

describe("going on", () => {
  const never = () => new Promise<never>(() => {});

  async function recorded(served: Served): Promise<RemoteRecording> {
    const session = new ReachClient({ url: served.url }).recorder({ name: "agent" });
    await session.append({ type: "goal", data: 1 });
    void session.effect("model", { text: "x".repeat(10_000) }, never).catch(() => {});
    void session.effect("tool", {}, never).catch(() => {});
    await session.append({ type: "asked", data: 1 });
    return session;
  }

  it("behind what is there, as a recording in a data directory does", async () => {
    const served = await serve();
    const first = await recorded(served);
    await served.restart("crash");
    const second = await new ReachClient({ url: served.url }).resume(first.id);
    expect(second.leftOpen).toEqual([
      { seq: 1, name: "model" },
      { seq: 2, name: "tool" },
    ]);
    expect(await second.append({ type: "on", data: 1 })).toBe(7);
    expect(await second.effect("tool", {}, () => "done")).toBe("done");
    await second.close();
    const scratch = new Scratch();
    const reach = await open({ data: scratch.at("data") });
    const session = reach.record();
    await session.append({ type: "goal", data: 1 });
    void session.effect("model", { text: "x".repeat(10_000) }, never).catch(() => {});
    void session.effect("tool", {}, never).catch(() => {});
    await session.append({ type: "asked", data: 1 });
    await session.close();
    const again = reach.resume(session.id);
    await again.append({ type: "on", data: 1 });
    await again.effect("tool", {}, () => "done");
    await again.close();
    expect(again.leftOpen).toEqual(second.leftOpen);
    expect(eventsOn(served, first.id)).toEqual(loggedOf(reach.events(session.id)));
    await reach.close();
    scratch.remove();
  });

  it("shuts a process out that lives after all, which is told so", async () => {
    const served = await serve();
    const zombie = await recorded(served);
    let answer: (text: string) => void = () => {};
    const asking = zombie.effect(
      "slow",
      {},
      () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    );
    while (eventsOn(served, zombie.id).length < 5) await new Promise((next) => setTimeout(next, 5));
    const second = await new ReachClient({ url: served.url }).resume(zombie.id);
    expect(second.leftOpen.map(({ seq }) => seq)).toEqual([1, 2, 4]);
    answer("too late");
    const fenced = {
      code: "FENCED",
      message: expect.stringContaining(`session ${zombie.id} is written elsewhere now`),
    };
    await expect(asking).rejects.toMatchObject(fenced);
    let ran = 0;
    const run = () => {
      ran += 1;
    };
    await expect(zombie.effect("tool", {}, run)).rejects.toMatchObject(fenced);
    await expect(zombie.append({ type: "late", data: 1 })).rejects.toMatchObject(fenced);
    await expect(zombie.close()).rejects.toMatchObject(fenced);
    expect(ran).toBe(0);
    await second.append({ type: "on", data: 1 });
    const results = eventsOn(served, zombie.id).filter(({ kind }) => kind === "result");
    expect(results.map(({ ref }) => ref)).toEqual([1, 2, 4]);
    await second.close();
  });

  it("stands behind everything that the one before was told is durable", async () => {
    const served = await serve();
    const client = new ReachClient({ url: served.url });
    let session = client.recorder();
    const { id } = session;
    await session.append({ type: "begun", data: null });
    const told: { life: number; seq: number }[] = [];
    const lives = 5;
    for (let life = 0; life < lives; life++) {
      const writer = session;
      // Several at a time, and effects, so that requests of every kind are under way.
      const write = async (): Promise<void> => {
        for (;;) {
          told.push({ life, seq: await writer.append({ type: `life ${life}`, data: null }) });
          await writer.effect("tool", life, ({ note }) => note(`life ${life}`, null));
        }
      };
      const writing = Promise.allSettled([write(), write(), write()]);
      await new Promise((resolve) => setTimeout(resolve, 60 + 17 * life));
      session = await client.resume(id);
      for (const end of await writing) expect(end).toMatchObject({ reason: { code: "FENCED" } });
    }
    await session.close();
    const events = eventsOn(served, id);
    let life = 0;
    for (const { type } of events) {
      if (type === "reach.resumed") life += 1;
      else if (type.startsWith("life")) expect(type).toBe(`life ${life}`);
    }
    expect(life).toBe(lives);
    expect(told.length).toBeGreaterThan(2 * lives);
    for (const one of told) expect(events[one.seq]?.type).toBe(`life ${one.life}`);
    const calls = events.filter(({ kind }) => kind === "call").map(({ seq }) => seq);
    const results = events.filter(({ kind }) => kind === "result").map(({ ref }) => ref);
    expect(results.sort((a, b) => Number(a) - Number(b))).toEqual(calls);
  });

  it("of two processes at a time leaves one", async () => {
    const served = await serve();
    const { id } = await recorded(served);
    const client = new ReachClient({ url: served.url });
    const both = await Promise.allSettled([client.resume(id), client.resume(id)]);
    const codes: unknown[] = [];
    for (const one of both) {
      if (one.status === "rejected") codes.push(codeOf(one.reason));
      else codes.push(await one.value.append({ type: "on", data: 1 }).catch(codeOf));
    }
    expect(codes.filter((code) => typeof code === "number")).toHaveLength(1);
    expect(codes).toContain("FENCED");
    expect(typesOn(served, id).filter((type) => type === "emit on")).toHaveLength(1);
    const results = eventsOn(served, id).filter(({ kind }) => kind === "result");
    expect(results.map(({ ref }) => ref)).toEqual([1, 2]);
  });

  it("with what is no recording, or not there, fails", async () => {
    const served = await serve();
    const client = new ReachClient({ url: served.url });
    const none = client.resume("0199c1f2-0000-7000-8000-000000000000");
    await expect(none).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});
