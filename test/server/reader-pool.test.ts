// Readers that are kept open: they see what has been acknowledged, whatever becomes of the file.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ReachError, utf8 } from "../../src/base/index.ts";
import { type Disk, nodeDisk } from "../../src/disk/index.ts";
import type { EventView } from "../../src/event/index.ts";
import { ReaderPool } from "../../src/server/reader-pool.ts";
import type { TailFormat } from "../../src/server/tails/tail-format.ts";
import { TailSource } from "../../src/server/tails/tail-source.ts";
import { Directory, type SessionWriter } from "../../src/session/index.ts";
import { Scratch } from "../session/sample-session.ts";
import { smallJournal } from "../session/small-journal.ts";

const bytes = utf8("an event of some bytes");
const event = { kind: "emit", type: "test", time: 1, ref: null, form: "bytes", bytes } as const;

/** The disk of this machine; the next sync of an event log fails. */
class FailingOnce {
  failed = false;
  rebuilt = false;

  readonly disk: Disk = {
    ...nodeDisk,
    open: (path, mode) => {
      const file = nodeDisk.open(path, mode);
      if (mode === "read") return file;
      const sync = async (): Promise<void> => {
        if (!path.endsWith("events.log") || this.failed) return file.sync();
        this.failed = true;
        throw new ReachError("IO_FAILED", "this sync fails");
      };
      return {
        path,
        size: () => file.size(),
        read: (into, position) => file.read(into, position),
        write: (written, position) => file.write(written, position),
        sync,
        close: () => file.close(),
      };
    },
    rename: (from, to) => {
      nodeDisk.rename(from, to);
      if (to.endsWith("events.log")) this.rebuilt = true;
    },
  };
}

describe("a reader that is kept", () => {
  let scratch: Scratch;
  let failing: FailingOnce;
  let directory: Directory;
  let pool: ReaderPool;

  beforeEach(async () => {
    scratch = new Scratch();
    failing = new FailingOnce();
    const { disk } = failing;
    directory = await Directory.open({
      path: scratch.at("data"),
      mode: "write",
      disk,
      sizes: smallJournal,
    });
    pool = new ReaderPool(directory);
  });

  afterEach(async () => {
    pool.close();
    await directory.close();
    scratch.remove();
  });

  const sizeSeen = (writer: SessionWriter): Promise<number> =>
    pool.with(writer.id, (reader) => [...reader.events()].length);

  /** Appends until the log has been rebuilt, and some events more. */
  async function appendThroughRebuilding(writer: SessionWriter): Promise<void> {
    for (let i = 0; i < 500 && !failing.rebuilt; i++) await writer.append(event).durable;
    expect(failing.rebuilt).toBe(true);
    for (let i = 0; i < 10; i++) await writer.append(event).durable;
  }

  it("sees what is acknowledged after the log was rebuilt under its name", async () => {
    const writer = directory.createSession();
    await writer.append(event).durable;
    const early = pool.lease(writer.id);
    await appendThroughRebuilding(writer);
    expect(early.current).toBe(false);
    expect(await sizeSeen(writer)).toBe(writer.nextSeq);
    // Whoever had it before goes on with the file that it has open.
    expect(early.reader.event(0).type).toBe("test");
    early.release();
    expect(await sizeSeen(writer)).toBe(writer.nextSeq);
    expect(pool.lent).toBe(0);
  });

  it("is changed for another one by a tail that is behind", async () => {
    const writer = directory.createSession();
    await writer.append(event).durable;
    const services = { readers: pool, blobs: directory.blobs };
    const source = new TailSource(writer.id, services, () => {});
    const release = source.use();
    const encode = (events: readonly EventView[]): Uint8Array => new Uint8Array(events.length);
    const format = { key: "count", encode } as unknown as TailFormat;
    await appendThroughRebuilding(writer);
    source.committed(writer.nextSeq, []);
    await new Promise((resolve) => setImmediate(resolve));
    expect(source.position).toBe(writer.nextSeq);
    expect(source.piece(format, writer.nextSeq - 1).next).toBe(writer.nextSeq);
    release();
    expect(pool.lent).toBe(0);
  });
});
