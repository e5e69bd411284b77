/**
 * Inputs that are taken once for each key, without a table of keys: an input with a key has a note
 * directly before it, appended in one unit with it, that holds the hashes of the key and of the
 * request. So the log is the memory; see docs/decisions/0010-keys-of-inputs.md. A session's notes
 * are read when one of its keys is first asked for: later ones all come through here.
 */
import {
  encodeValue,
  equalBytes,
  ReachError,
  type SessionId,
  sha256,
  toHex,
  utf8,
} from "../base/index.ts";
import type { EventView } from "../event/index.ts";
import { type Appended, type Directory, keyNoteType } from "../session/index.ts";
import { breathe } from "./background-work.ts";
import type { Arrival } from "./inbox.ts";
import { isLogTrouble } from "./refusals.ts";
import type { LoggedEvent, SessionLog } from "./session-log.ts";

/** A key that somebody sends with an input. */
export interface InputKey {
  readonly key: string;
  /** Which input of the request it is. */
  readonly place: number;
  /** SHA-256 of the whole request: a key belongs to one. */
  readonly request: Uint8Array;
}

/** Where an input went. */
export interface TakenInput {
  readonly seq: number;
  /** It was taken before, and not again. */
  readonly duplicate: boolean;
}

const domain = "reach/input-key/v1";
const hashBytes = 32;
/** Events that are read before others get their turn. */
const turnEvents = 4096;
/** Keys of one session that are known: the newest. Of all sessions, before some are forgotten. */
const keysMax = { session: 10_000, all: 50_000 } as const;

/** What a note of a key holds. */
interface KeyNote {
  readonly key: Uint8Array;
  readonly request: Uint8Array;
}

/** An input of a key. */
interface KnownInput {
  readonly request: Uint8Array;
  readonly seq: number;
}

/** The keys of one session. */
interface SessionKeys {
  /** Resolves with its inputs by the hashes of their keys when its log has been read. */
  readonly inputs: Promise<Map<string, KnownInput>>;
  /** How many there are. */
  count: number;
}

/** Knows the keys of inputs. */
export class InputKeys {
  readonly #directory: Directory;
  /** What was asked for last is last. */
  readonly #sessions = new Map<SessionId, SessionKeys>();
  /** Sessions and keys that are known. */
  #count = 0;
  readonly #underWay = new Map<
    string,
    { readonly request: Uint8Array; readonly told: Promise<TakenInput> }
  >();

  constructor(directory: Directory) {
    this.#directory = directory;
  }

  /**
   * The input of a key: the one that was taken with it, or the one that `post` posts now, behind
   * the note that it gets; without a key it is posted as it is. While that is under way, others
   * with the same key wait for it; when it fails, nothing has been taken. Throws
   * `IDEMPOTENCY_KEY_REUSED` for the key of another request.
   */
  async once(
    id: SessionId,
    input: InputKey | undefined,
    post: (keyNote: Uint8Array | undefined) => Promise<{ seq: number }>,
  ): Promise<TakenInput> {
    if (!input) return { ...(await post(undefined)), duplicate: false };
    const { key, place, request } = input;
    const hash = sha256(utf8(`${domain}\0${id}\0${place}\0${key}`));
    const name = toHex(hash);
    const other = this.#underWay.get(name);
    if (other) {
      checkSame(id, other.request, request);
      return { ...(await other.told), duplicate: true };
    }
    const note = { key: hash, request };
    const told = this.#take(id, name, note, () => post(encodeValue(note)));
    this.#underWay.set(name, { request, told });
    try {
      return await told;
    } finally {
      this.#underWay.delete(name);
    }
  }

  async #take(
    id: SessionId,
    name: string,
    { request }: KeyNote,
    post: () => Promise<{ seq: number }>,
  ): Promise<TakenInput> {
    const found = (await this.#known(id).inputs).get(name);
    if (found) {
      checkSame(id, found.request, request);
      return { seq: found.seq, duplicate: true };
    }
    try {
      const { seq } = await post();
      await this.#remember(id, name, { request, seq });
      return { seq, duplicate: false };
    } catch (error) {
      // What the log holds is for the log to say.
      if (isLogTrouble(error)) this.#forget(id);
      throw error;
    }
  }

  /** The keys of a session: read from its log, unless they are known. */
  #known(id: SessionId): SessionKeys {
    const known = this.#sessions.get(id);
    if (known) {
      this.#sessions.delete(id);
      this.#sessions.set(id, known);
      return known;
    }
    const inputs = readKeys(this.#directory, id);
    const session = { inputs, count: 0 };
    this.#sessions.set(id, session);
    this.#count += 1;
    inputs.then(
      ({ size }) => this.#add(id, session, size),
      () => this.#sessions.get(id) === session && this.#forget(id),
    );
    return session;
  }

  /** A new key; by now its session may have been forgotten, or is being read once more. */
  async #remember(id: SessionId, name: string, input: KnownInput): Promise<void> {
    const session = this.#sessions.get(id);
    const inputs = await session?.inputs.catch(() => undefined);
    if (!session || !inputs) return;
    const { size } = inputs;
    keep(inputs, name, input);
    this.#add(id, session, inputs.size - size);
  }

  #add(id: SessionId, session: SessionKeys, count: number): void {
    if (this.#sessions.get(id) !== session) return;
    session.count += count;
    this.#count += count;
    for (const [oldest] of this.#sessions) {
      if (this.#count <= keysMax.all || oldest === id) return;
      this.#forget(oldest);
    }
  }

  /** The log says it again. */
  #forget(id: SessionId): void {
    const session = this.#sessions.get(id);
    if (!session) return;
    this.#sessions.delete(id);
    this.#count -= 1 + session.count;
  }
}

/** Appends what has arrived, behind the note of its key if it has one. */
export function appendArrival(
  log: SessionLog,
  event: LoggedEvent,
  { keyNote }: Arrival,
): Promise<Appended> {
  if (!keyNote) return log.appendAny(event);
  const { time } = event;
  return log.appendNoted(
    { kind: "note", type: keyNoteType, time, ref: null, data: keyNote },
    event,
  );
}

/** The inputs of a session that have keys. Those that a fork has of its source are not its own. */
async function readKeys(directory: Directory, id: SessionId): Promise<Map<string, KnownInput>> {
  const inputs = new Map<string, KnownInput>();
  const reader = directory.session(id);
  try {
    let before: KeyNote | undefined;
    for (let seq = reader.manifest.fork?.at ?? 0; seq < reader.size; seq += turnEvents) {
      for (const event of reader.events(seq, seq + turnEvents)) {
        if (event.kind === "input" && before) {
          keep(inputs, toHex(before.key), { request: before.request, seq: event.seq });
        }
        before = keyNoteOf(event);
      }
      await breathe();
    }
  } finally {
    reader.close();
  }
  return inputs;
}

function keep(inputs: Map<string, KnownInput>, name: string, input: KnownInput): void {
  inputs.set(name, input);
  if (inputs.size <= keysMax.session) return;
  for (const oldest of inputs.keys()) {
    inputs.delete(oldest);
    return;
  }
}

/** What a note of a key says; nothing for any other event. */
function keyNoteOf(event: EventView): KeyNote | undefined {
  if (event.kind !== "note" || event.type !== keyNoteType || event.ref !== null) return undefined;
  const { key, request } = (event.data ?? {}) as Partial<Record<keyof KeyNote, unknown>>;
  return isHash(key) && isHash(request) ? { key, request } : undefined;
}

function isHash(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length === hashBytes;
}

function checkSame(id: SessionId, known: Uint8Array, request: Uint8Array): void {
  if (equalBytes(known, request)) return;
  throw new ReachError("IDEMPOTENCY_KEY_REUSED", "this key was used with another input", {
    where: id,
    hint: "a key belongs to one request; use a new one for a new input",
  });
}
