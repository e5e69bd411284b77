/**
 * Small data directories with sessions in them, for tests: events of every form, payloads in the
 * store, snapshots, checkpoints. All from a seed, so that a failure can be repeated.
 */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { encodeValue, type SessionId, sha256, utf8 } from "../../src/base/index.ts";
import type { EventKind } from "../../src/event/index.ts";
import { checkpointPath } from "../../src/log/index.ts";
import type { Directory, NewSession } from "../../src/session/index.ts";

/** A folder that goes away with `[Symbol.dispose]`. */
export class Scratch {
  readonly folder: string = fs.mkdtempSync(path.join(os.tmpdir(), "reach-session-"));

  /** A path inside. */
  at(...parts: string[]): string {
    return path.join(this.folder, ...parts);
  }

  remove(): void {
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Numbers from a seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** An event to append. */
export interface SampleEvent {
  readonly kind: EventKind;
  readonly type: string;
  readonly time: number;
  readonly ref: number | null;
  readonly form: "cbor" | "json" | "bytes";
  readonly bytes: Uint8Array;
}

/** Text of `size` characters that does not repeat itself. */
export function noise(size: number, random: () => number): string {
  let text = "";
  while (text.length < size) text += random().toString(36).slice(2);
  return text.slice(0, size);
}

/** Event number `seq` of a made-up session; one in seven has a payload above 4 KiB. */
export function sampleEvent(seq: number, random: () => number, largeBytes = 6000): SampleEvent {
  const large = seq % 7 === 3;
  const text = noise(large ? largeBytes : 20 + Math.floor(random() * 200), random);
  const form = (["cbor", "json", "bytes"] as const)[seq % 3] as SampleEvent["form"];
  const value = { seq, text, ratio: 0.5, list: [1, 2n, -0, null], nested: { "a b": true } };
  const bytes =
    form === "cbor"
      ? encodeValue(value)
      : utf8(form === "json" ? `{"seq": ${seq}, "cost": 52.0, "text": "${text}"}` : text);
  const kind = seq === 0 ? "trigger" : seq % 5 === 4 ? "result" : "emit";
  const ref = kind === "result" ? seq - 1 : null;
  return { kind, type: `sample/${form}`, time: 1_700_000_000_000 + seq * 10, ref, form, bytes };
}

/** Writes a session of `count` sample events, with a checkpoint or without. Returns its id. */
export async function writeSample(
  directory: Directory,
  count: number,
  options: { seed?: number; largeBytes?: number; session?: NewSession; sign?: boolean } = {},
): Promise<SessionId> {
  const { seed = 1, largeBytes = 6000, session = {}, sign = true } = options;
  const random = randomFrom(seed);
  const writer = await directory.openBulk({ name: "sample", format: "ndjson", ...session });
  for (let seq = 0; seq < count; seq++) {
    const { form, bytes, ...header } = sampleEvent(seq, random, largeBytes);
    writer.append(header, form, bytes);
  }
  await directory.closeWriter(writer);
  if (!sign) fs.rmSync(checkpointPath(directory.path, writer.id));
  return writer.id;
}

/** A program that nobody wrote, by its hash. */
export const sampleProgram: Uint8Array = sha256(utf8("a program of the tests"));

/** Keeps made-up states of `program` after each of `sizes` events. */
export async function keepSamples(
  directory: Directory,
  id: SessionId,
  sizes: readonly number[],
  program: Uint8Array = sampleProgram,
): Promise<void> {
  const reader = directory.session(id);
  try {
    const snapshots = sizes.map((size) => {
      const state = encodeValue({ folded: size, padding: "x".repeat(600) });
      const stateHash = sha256(state);
      return { size, root: reader.computedRoot(size), stateHash, stateBytes: state.length, state };
    });
    await directory.keepSnapshots(id, program, snapshots);
  } finally {
    reader.close();
  }
}

/** Every file below a folder, as paths relative to it, sorted. */
export function filesBelow(folder: string): string[] {
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();
}
