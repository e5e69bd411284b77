/**
 * Acknowledged events that the disk does not take to their place, for want of room or because it
 * fails: whoever looks in the process that writes finds them all the same, or is told why not.
 * Never is a session missing from the list, or its log shorter than what was acknowledged.
 */
import { describe, expect, test } from "vitest";
import { type SessionId, utf8 } from "../../src/base/index.ts";
import { eventLogPath } from "../../src/log/index.ts";
import { Directory, type SessionWriter } from "../../src/session/index.ts";
import { Random } from "../sim/random.ts";
import { SimDisk } from "../sim/sim-disk.ts";
import { simulatedProcesses } from "../sim/simulated-processes.ts";

const root = "/data/main";
const event = {
  kind: "emit",
  type: "test",
  time: 1,
  ref: null,
  form: "bytes",
  bytes: utf8("an event of some bytes"),
} as const;
const failure = { code: "IO_FAILED", effect: "none" } as const;

/** A directory in which what is acknowledged is placed at once, or when somebody looks. */
async function open(waits: boolean): Promise<{ disk: SimDisk; directory: Directory }> {
  const disk = new SimDisk(new Random("no place"), { syncTurnsMax: 3 });
  disk.createFolder("/data");
  await disk.syncFolder("/");
  const directory = await Directory.open({
    path: root,
    mode: "write",
    disk,
    processes: simulatedProcesses(1),
    ...(waits ? { placeLater: () => {} } : {}),
  });
  return { disk, directory };
}

async function begun(directory: Directory): Promise<SessionWriter> {
  const writer = directory.createSession();
  await writer.append(event).durable;
  return writer;
}

function sizeOf(directory: Directory, id: SessionId): number {
  const reader = directory.session(id);
  try {
    return reader.size;
  } finally {
    reader.close();
  }
}

/** The next `times` attempts to write a session's log, or to make it, fail. */
function failLogs(disk: SimDisk, times: number): void {
  disk.failWhere(
    ({ kind, path }) => (kind === "create" || kind === "write") && path.endsWith("/events.log"),
    failure,
    times,
  );
}

describe("on a full disk", () => {
  test("a session that waits for its place is in the list", async () => {
    const { disk, directory } = await open(true);
    const first = await begun(directory);
    disk.setCapacity(disk.usedBytes);
    expect(directory.sessionIds()).toEqual([first.id]);
    expect(sizeOf(directory, first.id)).toBe(1);
  });
});

test("what the disk takes again waits again", async () => {
  const { disk, directory } = await open(true);
  await begun(directory);
  failLogs(disk, 1);
  expect(directory.sessionIds()).toHaveLength(1);
  // The reserve that was given up is made anew, then everything is as before.
  await begun(directory);
  const third = await begun(directory);
  const fourth = await begun(directory);
  for (const { id } of [third, fourth]) {
    expect(disk.exists(eventLogPath(root, id))).toBe(false);
    expect(sizeOf(directory, id)).toBe(1);
  }
});

for (const waits of [false, true]) {
  describe(waits ? "placed when somebody looks" : "placed at once", () => {
    test("what failed is placed for whoever looks", async () => {
      const { disk, directory } = await open(waits);
      failLogs(disk, 2);
      const { id } = await begun(directory);
      expect(sizeOf(directory, id)).toBe(1);
    });

    test("who closes is told what the disk says, not that it is full", async () => {
      const { disk, directory } = await open(waits);
      await begun(directory);
      disk.failWhere(
        ({ path }) => path.endsWith("/checkpoint.tmp"),
        failure,
        Number.POSITIVE_INFINITY,
      );
      await expect(directory.close()).rejects.toMatchObject({ code: "IO_FAILED" });
    });

    test("a reader is told while it fails, and finds everything afterwards", async () => {
      const { disk, directory } = await open(waits);
      failLogs(disk, Number.POSITIVE_INFINITY);
      const { id } = await begun(directory);
      for (let times = 0; times < 2; times++) {
        expect(() => directory.session(id)).toThrow(
          expect.objectContaining({ code: "IO_FAILED", message: expect.stringMatching(/place/) }),
        );
        expect(() => directory.sessionIds()).toThrow(
          expect.objectContaining({ code: "IO_FAILED" }),
        );
      }
      disk.heal();
      expect(directory.sessionIds()).toEqual([id]);
      expect(sizeOf(directory, id)).toBe(1);
    });

    test("a log is never shorter than what was acknowledged, and others are read", async () => {
      const { disk, directory } = await open(waits);
      const other = await begun(directory);
      const writer = await begun(directory);
      expect(directory.sessionIds()).toHaveLength(2);
      const reader = directory.session(writer.id);
      expect(reader.size).toBe(1);
      failLogs(disk, Number.POSITIVE_INFINITY);
      await writer.append(event).durable;
      reader.refresh();
      expect(() => reader.size).toThrow(/place/);
      expect(sizeOf(directory, other.id)).toBe(1);
      disk.heal();
      reader.refresh();
      expect(reader.size).toBe(2);
      reader.close();
      expect(disk.exists(eventLogPath(root, writer.id))).toBe(true);
    });
  });
}
