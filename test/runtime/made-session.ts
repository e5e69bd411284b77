// Small recorded sessions in data directories of their own, and programs in files: what the tests
// of the runtime are about. Everything lies in one temporary folder per test file.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll } from "vitest";
import { encodeValue, type SessionId } from "../../src/base/index.ts";
import type { EventKind, EventView } from "../../src/event/index.ts";
import { eventLogPath } from "../../src/log/index.ts";
import { closeWorkers, type LoadedProgram, loadProgram } from "../../src/runtime/index.ts";
import { Directory } from "../../src/session/index.ts";
import { snapshotPath } from "../../src/snapshots/index.ts";

/** An event to record. */
export interface MadeEvent {
  readonly kind?: EventKind;
  readonly type?: string;
  readonly data: unknown;
}

/** A session, closed after it was made. */
export interface MadeSession {
  readonly root: string;
  readonly id: SessionId;
  readonly log: string;
}

const folder = mkdtempSync(path.join(tmpdir(), "reach-runtime-"));
let made = 0;

afterAll(async () => {
  await closeWorkers();
  rmSync(folder, { recursive: true, force: true });
});

/** A path in the temporary folder that nothing has yet. */
export function freshPath(name: string): string {
  made += 1;
  return path.join(folder, `${made}-${name}`);
}

/** Event `i` of the usual session: texts of all lengths, some above the inline limit. */
export function usualEvent(i: number): MadeEvent {
  const words = i % 97 === 5 ? 900 : i % 23;
  const kind = i % 50 === 49 ? "note" : i % 3 === 0 ? "call" : "emit";
  const data = { i, text: `event ${i} `.repeat(words), list: [i % 7, { deep: i % 11 }] };
  return { kind, type: i % 3 === 0 ? "tool" : "delta", data };
}

/** Opens a directory for writing, and closes it in the end. */
export async function writing<T>(
  root: string,
  use: (directory: Directory) => Promise<T>,
): Promise<T> {
  const directory = await Directory.open({ path: root, mode: "write" });
  try {
    return await use(directory);
  } finally {
    await directory.close();
  }
}

/** Opens a directory for reading, and closes it in the end. */
export async function reading<T>(
  root: string,
  use: (directory: Directory) => Promise<T>,
): Promise<T> {
  const directory = await Directory.open({ path: root, mode: "read" });
  try {
    return await use(directory);
  } finally {
    await directory.close();
  }
}

/** Appends events to a session, a new one when there is no `id`; signs a checkpoint over them. */
export async function append(
  directory: Directory,
  from: number,
  to: number,
  event: (i: number) => MadeEvent = usualEvent,
  id?: SessionId,
): Promise<SessionId> {
  const writer = await directory.openBulk(id === undefined ? {} : { id });
  for (let i = from; i < to; i++) {
    const { kind = "emit", type = "event", data } = event(i);
    writer.append(
      { time: 1_700_000_000_000 + i, kind, type, ref: null },
      "cbor",
      encodeValue(data),
    );
  }
  await directory.closeWriter(writer);
  return writer.id;
}

/** A new data directory with one session of `events` events. */
export async function makeSession(
  events: number,
  event: (i: number) => MadeEvent = usualEvent,
): Promise<MadeSession> {
  const root = freshPath("data");
  const id = await writing(root, (directory) => append(directory, 0, events, event));
  return { root, id, log: eventLogPath(root, id) };
}

/** A program out of the text of its `init` and `reduce`, loaded from a file. */
export async function program(body: string, before = ""): Promise<LoadedProgram> {
  const file = freshPath("program.ts");
  const text = `import { defineProgram } from "reach-replay/program";
${before}
export default defineProgram<any, any>({ name: "test", version: "1", ${body} });
`;
  writeFileSync(file, text);
  return loadProgram(file);
}

/** Counts, sums up, remembers the last few: depends on every payload and on the order. */
export function counter(): Promise<LoadedProgram> {
  return program(`
    init: () => ({ events: 0, chars: 0, mix: 0, last: [] }),
    reduce(state, event) {
      state.events += 1;
      state.chars += event.data.text.length;
      state.mix = (state.mix * 31 + event.data.list[1].deep + event.seq) % 1000003;
      state.last = [...state.last, event.data.text.slice(0, 20)].slice(-5);
      return state;
    },`);
}

/** The states that folding all events one after the other gives, without anything of Reach. */
export function naiveCounter(events: Iterable<EventView>): unknown[] {
  let state = { events: 0, chars: 0, mix: 0, last: [] as string[] };
  const states: unknown[] = [state];
  for (const { kind, seq, data } of events) {
    if (kind !== "note") {
      const { text, list } = data as { text: string; list: [number, { deep: number }] };
      state = {
        events: state.events + 1,
        chars: state.chars + text.length,
        mix: (state.mix * 31 + list[1].deep + seq) % 1000003,
        last: [...state.last, text.slice(0, 20)].slice(-5),
      };
    }
    states.push(state);
  }
  return states;
}

/** The file of a program's snapshots. */
export function snapshotFile({ log }: MadeSession, { hash }: LoadedProgram): string {
  return snapshotPath(path.dirname(log), hash);
}
