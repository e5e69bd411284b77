/**
 * Two small data directories with everything that can lie in one: `clean`, closed as it should be,
 * and `crashed`, left by a process that was killed. Clock and randomness are fixed, so that the
 * same code writes the same bytes: they are damaged byte by byte in one test, and kept as
 * `fixtures/v1` by another.
 */
import { type Entropy, encodeValue, type SessionId, sha256, utf8 } from "../../src/base/index.ts";
import { type Disk, readFile } from "../../src/disk/index.ts";
import type { EventKind } from "../../src/event/index.ts";
import { importSource, type Source } from "../../src/importers/index.ts";
import { type Processes, sessionFolder } from "../../src/log/index.ts";
import { Directory, removeSession, type SessionWriter } from "../../src/session/index.ts";
import { quarantine } from "../../src/session/recover-directory.ts";

/** The name of a directory. */
export type DirectoryName = "clean" | "crashed";

/** Sessions by what they are for. */
export type SessionIds = Readonly<Record<string, SessionId>>;

/** A program that nobody wrote, by its hash. */
export const fixtureProgram: Uint8Array = sha256(utf8("a program of the fixtures"));

/** A journal that takes little room, so that all of it can be damaged. */
export const smallSizes = {
  zeroStepBytesMin: 2048,
  groupBytesMax: 32 * 1024,
  reserveBytes: 64 * 1024,
} as const;

/** Folder that the sessions' checkpoints are signed for. */
export const workspace = "fixtures";

/** Processes of a machine of the tests: process `number` runs, all others are dead. */
export function processNumber(number: number): Processes {
  return {
    self: () => ({ pid: number, boot: "fixture", started: String(number), host: "fixture" }),
    isAlive: (holder) => holder.started === String(number),
    pause: () => Promise.resolve(),
  };
}

/** Bytes that look random and are always the same. */
export function fixedEntropy(seed: string): Entropy {
  let counter = 0;
  return (size) => {
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size; at += 32) {
      counter += 1;
      bytes.set(sha256(utf8(`${seed} ${counter}`)).subarray(0, size - at), at);
    }
    return bytes;
  };
}

/** A clock that goes on by 10 ms with each look. */
export function fixedClock(): () => number {
  let now = Date.UTC(2026, 0, 2, 3, 4, 5);
  return () => {
    now += 10;
    return now;
  };
}

/** Text of `size` characters that does not repeat itself. */
function text(seed: string, size: number): string {
  const bytes = fixedEntropy(seed)(Math.ceil(size / 2));
  return Buffer.from(bytes).toString("hex").slice(0, size);
}

/** The workshop of one directory: opens it again and again, each time as another process. */
export class Workshop {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #clock = fixedClock();
  readonly #entropy: Entropy;
  #process = 0;
  readonly ids: Record<string, SessionId> = {};

  constructor(disk: Disk, path: string, seed: string) {
    this.#disk = disk;
    this.#path = path;
    this.#entropy = fixedEntropy(seed);
  }

  /** Opens the directory for writing; the processes before are dead. */
  async open(): Promise<Directory> {
    this.#process += 1;
    return Directory.open({
      path: this.#path,
      mode: "write",
      workspace,
      disk: this.#disk,
      clock: this.#clock,
      entropy: this.#entropy,
      processes: processNumber(this.#process),
      sizes: smallSizes,
    });
  }

  /** Appends events in batches of up to three, each acknowledged before the next. */
  async append(writer: SessionWriter, count: number, large: readonly number[] = []): Promise<void> {
    for (let left = count; left > 0; ) {
      const size = Math.min(left, 3);
      const durable = Array.from({ length: size }, () => {
        const seq = writer.nextSeq;
        return writer.append(this.#event(writer.id, seq, large.includes(seq))).durable;
      });
      await Promise.all(durable);
      left -= size;
    }
  }

  #event(id: SessionId, seq: number, large: boolean) {
    const form = (["cbor", "json", "bytes"] as const)[seq % 3] as "cbor" | "json" | "bytes";
    const words = text(`${id} ${seq}`, large ? 4300 : 24);
    const bytes =
      form === "cbor"
        ? encodeValue({ seq, words, list: [1, 2n, -0, null] })
        : utf8(form === "json" ? `{"seq": ${seq}, "cost": 52.0, "words": "${words}"}` : words);
    const kind: EventKind = seq === 0 ? "trigger" : seq % 4 === 3 ? "result" : "emit";
    const ref = kind === "result" ? seq - 1 : null;
    return { kind, type: `sample/${form}`, time: this.#clock(), ref, form, bytes };
  }

  /** A new session of `count` events, written through the journal. */
  async record(directory: Directory, name: string, count: number, large: readonly number[] = []) {
    const writer = directory.createSession({ name });
    this.ids[name] = writer.id;
    await this.append(writer, count, large);
    return writer;
  }

  /** Keeps made-up states after each of `sizes` events. */
  async snapshots(directory: Directory, id: SessionId, sizes: readonly number[]): Promise<void> {
    const reader = directory.session(id);
    const snapshots = sizes.map((size) => {
      const state = encodeValue({ folded: size, words: text(`state ${size}`, 40) });
      const stateHash = sha256(state);
      return { size, root: reader.computedRoot(size), stateHash, stateBytes: state.length, state };
    });
    reader.close();
    await directory.keepSnapshots(id, fixtureProgram, snapshots);
  }
}

/** The lines of a source to import; a longer one goes on from a shorter one. */
export function sourceOf(lines: number): Source {
  const content = Array.from({ length: lines }, (_, i) => {
    const words = text(`line ${i}`, i === 2 ? 4200 : 30);
    return `{"type": "line", "timestamp": ${1_700_000_000 + i}, "words": "${words}"}\n`;
  }).join("");
  const bytes = utf8(content);
  async function* open(offset: number): AsyncGenerator<Uint8Array> {
    yield bytes.subarray(offset);
    await Promise.resolve();
  }
  return { name: "lines.jsonl", size: bytes.length, reopenable: true, open };
}

/** Writes `clean`: recorded, imported, with snapshots, removed, in quarantine; then closed. */
export async function writeClean(disk: Disk, path: string): Promise<SessionIds> {
  const workshop = new Workshop(disk, path, "clean");
  const first = await workshop.open();
  await workshop.record(first, "recorded", 8, [4]);
  const imported = await importSource(first, { source: sourceOf(5), format: "ndjson" });
  workshop.ids["imported"] = imported.id;
  const { id } = await workshop.record(first, "snapshots", 5);
  await workshop.snapshots(first, id, [2, 4]);
  await workshop.record(first, "removed", 2);
  await workshop.record(first, "quarantined", 4);
  await first.close();
  await quarantine(
    disk,
    path,
    workshop.ids["quarantined"] as SessionId,
    3,
    "the journal is damaged",
  );
  const second = await workshop.open();
  await removeSession(second, workshop.ids["removed"] as SessionId, Date.UTC(2026, 0, 3));
  await second.close();
  return workshop.ids;
}

/**
 * Writes `crashed`. A first process closed well, then `closed` is called; a second one was killed
 * while it wrote a group, after it had committed events and a checkpoint; a third one recovered,
 * went on, and was killed during an import that had acknowledged a part.
 */
export async function writeCrashed(
  disk: Disk,
  path: string,
  closed: () => void = () => undefined,
): Promise<SessionIds> {
  const workshop = new Workshop(disk, path, "crashed");
  const first = await workshop.open();
  await workshop.record(first, "continued", 4, [1]);
  await workshop.record(first, "growing", 3);
  await first.close();
  closed();
  const second = await workshop.open();
  const continued = second.appendTo(workshop.ids["continued"] as SessionId);
  await workshop.append(continued, 3, [5]);
  await second.signCheckpoint(continued);
  await workshop.record(second, "begun", 4, [2]);
  second.crash();
  tearJournal(disk, `${path}/journal`);
  const third = await workshop.open();
  const begun = third.appendTo(workshop.ids["begun"] as SessionId);
  await workshop.append(begun, 4);
  const bulk = await third.openBulk({ id: workshop.ids["growing"] as SessionId });
  const add = (from: number, count: number): void => {
    for (let i = from; i < from + count; i++) {
      const header = {
        time: 1_700_000_000_000 + i,
        kind: "emit",
        type: "grown",
        ref: null,
      } as const;
      bulk.append(header, "bytes", utf8(text(`grown ${i}`, i === 1 ? 4200 : 30)));
    }
  };
  add(0, 3);
  await bulk.watermark();
  add(3, 3);
  await bulk.watermark();
  third.crash();
  // What it wrote behind the watermark and had not acknowledged.
  const growing = workshop.ids["growing"] as SessionId;
  scribble(disk, `${sessionFolder(path, growing)}/events.log`, 77);
  scribble(disk, `${path}/blobs/${disk.list(`${path}/blobs`).at(-1)}`, 99);
  return workshop.ids;
}

/** Half a group behind the last one: what a process that is killed while it writes leaves. */
function tearJournal(disk: Disk, folder: string): void {
  const name = disk.list(folder).findLast((one) => one.endsWith(".wal"));
  const bytes = readFile(disk, `${folder}/${name}`);
  const end = bytes.findLastIndex((byte) => byte !== 0);
  const file = disk.open(`${folder}/${name}`, "write");
  file.write(fixedEntropy("torn")(300), Math.ceil((end + 1) / 8) * 8);
  file.close();
}

/** Bytes behind the end of a file that are nothing. */
function scribble(disk: Disk, path: string, count: number): void {
  const file = disk.open(path, "write");
  file.write(fixedEntropy("scribble")(count), file.size());
  file.close();
}
