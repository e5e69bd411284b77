/**
 * Imports that failed and could not be undone at once: what they began goes when there is a chance
 * to, and with it whatever stands under the same id by then. So nothing may.
 */
import { describe, expect, test } from "vitest";
import { codeOf, type SessionId, utf8 } from "../../src/base/index.ts";
import { bulkFolder, checkpointPath } from "../../src/log/index.ts";
import { Directory } from "../../src/session/index.ts";
import { nothingKept } from "../sim/power.ts";
import { Random } from "../sim/random.ts";
import { SimDisk } from "../sim/sim-disk.ts";
import { simulatedProcesses } from "../sim/simulated-processes.ts";

const root = "/data/main";
const id = "018bd01c-5686-777e-a332-c4ea054b02d1" as SessionId;
const header = { kind: "emit", type: "test", time: 1, ref: null } as const;
const event = { ...header, form: "bytes", bytes: utf8("an event of some bytes") } as const;

function open(disk: SimDisk, generation: number): Promise<Directory> {
  const processes = simulatedProcesses(generation);
  return Directory.open({ path: root, mode: "write", disk, processes });
}

/** A new session was being imported; signing it failed, and so did undoing it, at its very end. */
async function notUndone(): Promise<{ disk: SimDisk; directory: Directory }> {
  const disk = new SimDisk(new Random("undone"), { syncTurnsMax: 3 });
  disk.createFolder("/data");
  await disk.syncFolder("/");
  const directory = await open(disk, 1);
  const bulk = await directory.openBulk({ id });
  bulk.append(header, "bytes", event.bytes);
  const failure = { code: "IO_FAILED", effect: "none" } as const;
  const signed = `${checkpointPath(root, id)}.tmp`;
  disk.failWhere(({ kind, path }) => kind === "create" && path === signed, failure);
  disk.failWhere(
    ({ kind, path }) => kind === "remove" && path.startsWith(bulkFolder(root)),
    failure,
  );
  await expect(directory.closeWriter(bulk)).rejects.toMatchObject({ code: "IO_FAILED" });
  await expect(directory.discardBulk(bulk)).rejects.toMatchObject({ code: "IO_FAILED" });
  return { disk, directory };
}

describe("a new session of which an import is not undone", () => {
  test("is not begun again before it is, and keeps what comes then", async () => {
    const { disk, directory } = await notUndone();
    expect(() => directory.createSession({ id })).toThrow(/failed and is not undone/);
    const undoing = directory.undoImport(id);
    const codes = new Set<unknown>();
    let writer: ReturnType<Directory["createSession"]> | undefined;
    while (writer === undefined) {
      try {
        writer = directory.createSession({ id });
      } catch (error) {
        codes.add(codeOf(error));
        await Promise.resolve();
      }
    }
    await undoing;
    expect([...codes]).toEqual(["UNRECOVERED"]);
    await writer.append(event).durable;
    await directory.closeWriter(writer);
    await directory.settle();
    const again = await open(disk.crash(new Random(1), nothingKept), 2);
    for (const one of [directory, again]) {
      const reader = one.session(id);
      expect(reader.size).toBe(1);
      reader.close();
    }
  });
});
