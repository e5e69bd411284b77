/**
 * Stored events from afar: the very bytes of the log, as `EventView`s, page by page. Payloads above
 * 4 KiB are fetched before the events that name them are handed out, since views look at once, and
 * are believed only if they have the name that the event gives them.
 */
import { equalBytes, fromHex, ReachError, type SessionId, sha256, toHex } from "../base/index.ts";
import { checkEventRange, EventView, type PayloadSource } from "../event/index.ts";
import { type Requests, stranger } from "./requests.ts";

/** Which events. */
export interface StoredOptions {
  /** First seq; default 0. */
  readonly from?: number | undefined;
  /** Seq to stop before. */
  readonly to?: number | undefined;
  readonly limit?: number | undefined;
  /** `*` stands for anything. */
  readonly type?: string | undefined;
  readonly kind?: string | undefined;
  /** Whether large payloads are fetched. */
  readonly payloads?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

const pageEvents = 1000;
/** Bytes of payloads that are held at a time. */
const heldBytesMax = 32 * 1024 * 1024;

/** The events of a session that match, in order. Throws `USAGE` for a range that is none. */
export async function* storedEvents(
  requests: Requests,
  id: SessionId,
  options: StoredOptions,
): AsyncGenerator<EventView, void> {
  const { from = 0, to = Number.POSITIVE_INFINITY, type, kind, signal } = options;
  const all = type === undefined && kind === undefined;
  let left = options.limit ?? Number.POSITIVE_INFINITY;
  checkEventRange(from, to);
  if (!(left >= 0)) throw new ReachError("USAGE", `${left} is no number of events`);
  let expected = from;
  for (let after = from - 1; after + 1 < to && left > 0; ) {
    const limit = Math.min(pageEvents, left, to - after - 1);
    const { headers, bytes } = await requests.whole(`/v1/sessions/${id}/events`, {
      query: { after, limit, type, kind },
      headers: { accept: "application/cbor-seq" },
      signal,
    });
    const more = headers.get("reach-more");
    if (more === null) throw stranger(requests.url, "answers what is no page of events");
    for await (const event of viewsOf(requests, bytes, options)) {
      if (event.seq >= to) return;
      const follows = all ? event.seq === expected : event.seq >= expected;
      if (!follows) throw gap(id, expected, event.seq);
      expected = event.seq + 1;
      yield event;
      left -= 1;
    }
    if (more !== "true") return;
    after = behind(id, after, Number(headers.get("reach-next")));
  }
}

/** The error for an event that is not the one that comes next. */
export function gap(id: SessionId, expected: number, found: number): ReachError {
  return new ReachError("CORRUPT", `the server goes on with event ${found}, not ${expected}`, {
    where: `${id}@${expected}`,
  });
}

/** Where the next page goes on. Throws `CORRUPT` when that is not behind the last one. */
export function behind(id: SessionId, after: number, next: number): number {
  if (next > after) return next;
  throw new ReachError("CORRUPT", `the server says that events go on, and not where`, {
    where: `${id}@${after + 1}`,
  });
}

async function* viewsOf(
  requests: Requests,
  bytes: Uint8Array,
  { payloads, signal }: StoredOptions,
): AsyncGenerator<EventView, void> {
  const held = new Map<string, Uint8Array>();
  const source: PayloadSource = {
    get(name) {
      const found = held.get(toHex(name));
      if (found) return found;
      throw new ReachError("BLOB_MISSING", `payload ${toHex(name)} has not been fetched`);
    },
  };
  let heldBytes = 0;
  for (let at = 0; at < bytes.length; ) {
    const end = itemEnd(bytes, at);
    const event = new EventView(bytes.subarray(at, end), source);
    at = end;
    const { payload } = event;
    if (payloads && payload.form === "blob") {
      const name = toHex(payload.ref.sha256);
      if (heldBytes > heldBytesMax) {
        held.clear();
        heldBytes = 0;
      }
      if (!held.has(name)) {
        held.set(name, await fetchPayload(requests, name, signal));
        heldBytes += payload.ref.size;
      }
    }
    yield event;
  }
}

/** A payload by its name. Throws `BLOB_CORRUPT` when what comes has another one. */
export async function fetchPayload(
  requests: Requests,
  name: string,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const { bytes } = await requests.whole(`/v1/blobs/${name}`, { signal });
  const wanted = fromHex(name);
  if (wanted && equalBytes(sha256(bytes), wanted)) return bytes;
  throw new ReachError("BLOB_CORRUPT", `what the server sent for payload ${name} is another one`);
}

/** The place behind the CBOR item at `start` (RFC 8949, 3): definite lengths, as Reach writes. */
function itemEnd(bytes: Uint8Array, start: number): number {
  let at = start;
  for (let open = 1; open > 0; open--) {
    const initial = bytes[at] ?? 0xff;
    const info = initial & 31;
    const extra = info < 24 ? 0 : info <= 27 ? 2 ** (info - 24) : -1;
    if (extra < 0) throw malformed();
    let argument = info < 24 ? info : 0;
    for (let i = 0; i < extra; i++) argument = argument * 256 + (bytes[at + 1 + i] ?? 0);
    at += 1 + extra;
    const major = initial >>> 5;
    if (major === 2 || major === 3) at += argument;
    else if (major === 4) open += argument;
    else if (major === 5) open += 2 * argument;
    else if (major === 6) open += 1;
    if (at > bytes.length) throw malformed();
  }
  return at;
}

function malformed(): ReachError {
  return new ReachError("CORRUPT", "the server sent events that are none");
}
