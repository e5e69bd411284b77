/**
 * A group that could not be made durable, and was refused, may be whole on the disk all the same.
 * Recovery would bring it to its places; nothing may have been written there past the journal.
 * (Found by the simulator: seed 22, run 448.)
 */
import { expect, test } from "vitest";
import { type SessionId, utf8 } from "../../src/base/index.ts";
import { Directory, verifySession } from "../../src/session/index.ts";
import { Random } from "../sim/random.ts";
import { SimDisk } from "../sim/sim-disk.ts";
import { simulatedProcesses } from "../sim/simulated-processes.ts";

const root = "/data/main";
const id = "018bd01c-5686-777e-a332-c4ea054b02d1" as SessionId;
const header = { kind: "emit", type: "test", time: 1, ref: null } as const;
const event = (text: string) => ({ ...header, form: "bytes", bytes: utf8(text) }) as const;

function open(disk: SimDisk, generation: number): Promise<Directory> {
  const processes = simulatedProcesses(generation);
  return Directory.open({ path: root, mode: "write", disk, processes });
}

/** The frame of the next group is written, and that is reported as failed; nor is there another. */
function failNextGroup(disk: SimDisk): void {
  const isJournal = (path: string): boolean => path.includes(".wal");
  const written = { code: "IO_FAILED", effect: "done" } as const;
  disk.failWhere(({ kind, path }) => kind === "write" && isJournal(path), written);
  const refused = { code: "IO_FAILED", effect: "none" } as const;
  disk.failWhere(({ kind, path }) => kind === "create" && isJournal(path), refused);
}

test("an import behind a refused group is what is there after a kill", async () => {
  const disk = new SimDisk(new Random("doubt"), { syncTurnsMax: 3 });
  disk.createFolder("/data");
  await disk.syncFolder("/");
  const directory = await open(disk, 1);
  const writer = directory.createSession({ id });
  await writer.append(event("first")).durable;
  failNextGroup(disk);
  await expect(writer.append(event("refused")).durable).rejects.toMatchObject({
    code: "IO_FAILED",
  });
  await directory.closeWriter(writer);
  const bulk = await directory.openBulk({ id });
  bulk.append(header, "bytes", utf8("imported, and longer than what was refused"));
  await directory.closeWriter(bulk);
  directory.crash();
  const again = await open(disk, 2);
  const texts = [...again.session(id).events()].map(({ payloadBytes }) =>
    new TextDecoder().decode(payloadBytes),
  );
  expect(texts).toEqual(["first", "imported, and longer than what was refused"]);
  expect((await verifySession(again, id)).integrity).toBe("intact");
  await again.close();
});
