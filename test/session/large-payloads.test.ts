/** A payload that is stored past the journal, by a writer that is replaced meanwhile. */
import { expect, test } from "vitest";
import { codeOf, ReachError, type SessionId, sha256 } from "../../src/base/index.ts";
import { PackBlobs } from "../../src/blobs/index.ts";
import { bulkFolder, readBulkMarker } from "../../src/log/index.ts";
import { Directory } from "../../src/session/index.ts";
import { LargePayloads } from "../../src/session/large-payloads.ts";
import { Random } from "../sim/random.ts";
import { SimDisk } from "../sim/sim-disk.ts";
import { simulatedProcesses } from "../sim/simulated-processes.ts";

const root = "/data";
const id = "018bd01c-5686-777e-a332-c4ea054b02d1" as SessionId;

test("may not be named by an event when its watermark came after a takeover", async () => {
  const disk = new SimDisk(new Random("large payloads"), { syncTurnsMax: 3 });
  for (const folder of [root, bulkFolder(root)]) disk.createFolder(folder);
  const blobs = await PackBlobs.open(disk, `${root}/blobs`, "write");
  let isLost = false;
  const large = await LargePayloads.open(disk, root, blobs, id, () => {
    if (isLost) throw new ReachError("FENCED", "another process has taken over");
  });
  const [first, second] = [1, 2].map((n) => new Random("payload", n).bytes(9000));
  expect((await large.put(first as Uint8Array)).sha256).toEqual(sha256(first as Uint8Array));
  const storing = large.put(second as Uint8Array);
  // The successor has read this watermark, and cuts the pack there.
  expect(readBulkMarker(disk, root, id)).toMatchObject({ pack: 1 });
  isLost = true;
  await expect(storing).rejects.toMatchObject({ code: "FENCED" });
});

test("fails for want of room also behind another that did, until there is room", async () => {
  const disk = new SimDisk(new Random("no room"), { syncTurnsMax: 3 });
  disk.createFolder(root);
  await disk.syncFolder("/");
  const directory = await Directory.open({
    path: `${root}/main`,
    mode: "write",
    disk,
    processes: simulatedProcesses(1),
    sizes: { journaledPayloadBytesMax: 4096 },
  });
  const event = { kind: "emit", type: "test", time: 1, ref: null, form: "bytes" } as const;
  const append = (n: number) => {
    const bytes = new Random("payload", n).bytes(9000);
    return directory.createSession().appendLarge({ ...event, bytes });
  };
  // The pack is there, and has no room for more.
  await (await append(0)).durable;
  disk.failWhere(
    ({ kind, path }) => kind === "write" && path.includes("/blobs/"),
    { code: "DISK_FULL", effect: "none" },
    1,
  );
  const both = await Promise.allSettled([append(1), append(2)]);
  expect(both.map((one) => one.status === "rejected" && codeOf(one.reason))).toEqual([
    "DISK_FULL",
    "DISK_FULL",
  ]);
  await (await append(3)).durable;
});
