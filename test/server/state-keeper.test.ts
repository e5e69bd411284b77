// Looking into a long session makes the next looks cheap; a short one, and one whose program fails,
// are left alone; a server that stops does not wait for it.

import { afterAll, describe, expect, it } from "vitest";
import { toHex } from "../../src/base/index.ts";
import { closeWorkers, type LoadedProgram, programFor } from "../../src/runtime/index.ts";
import { StateKeeper } from "../../src/server/state-keeper.ts";
import { writeSample } from "../session/sample-session.ts";
import { type Served, serve } from "./serving.ts";

afterAll(closeWorkers);

interface Look {
  readonly snapshotUsed: number | null;
  readonly stateHash: string;
}

async function look(served: Served, id: string, at: number): Promise<Look> {
  return (await (await served.get(`/v1/sessions/${id}/state?at=${at}`)).json()) as Look;
}

describe("states of a session that somebody looks into", () => {
  it("are kept, and are the same as before", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 9000, { largeBytes: 100 });
    const first = await look(served, id, 7500);
    expect(first.snapshotUsed).toBeNull();
    await expect
      .poll(async () => (await look(served, id, 7500)).snapshotUsed, { timeout: 30_000 })
      .toBeGreaterThan(6000);
    expect((await look(served, id, 7500)).stateHash).toBe(first.stateHash);
    const report = await served.post(`/v1/sessions/${id}/replay`, {});
    expect(report.status).toBe(202);
  });

  it("are not kept of a short session", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 3000, { largeBytes: 100 });
    await look(served, id, 2999);
    await served.server.context.workspaces.get("default")?.states.idle();
    expect((await look(served, id, 2999)).snapshotUsed).toBeNull();
  });

  it("do not keep a server from stopping", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 20_000, { largeBytes: 100 });
    await look(served, id, 20_000);
    await served.restart();
    expect((await look(served, id, 20_000)).stateHash).toHaveLength(64);
  });

  it("are tried once for each stretch of growth, whether or not they can be kept", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 8000, { largeBytes: 100 });
    const program = await programFor(served.directory, id);
    const failing: LoadedProgram = { ...program, code: "throw new Error('no')" } as LoadedProgram;
    const failures: unknown[] = [];
    const keeper = new StateKeeper(served.directory, (_, error) => failures.push(error));
    for (let n = 0; n < 3; n++) {
      keeper.looked(id, failing, { at: 8000, snapshotUsed: null });
      await keeper.idle();
    }
    expect(failures.length, toHex(program.hash)).toBe(1);
    keeper.stop();
    keeper.looked(id, failing, { at: 80_000, snapshotUsed: null });
    await keeper.idle();
    expect(failures.length).toBe(1);
  });
});
