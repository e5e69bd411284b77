/**
 * Taking a recording up again whose process is gone, or thought to be: a note in its log begins a
 * new epoch of its producer, which shuts the old process out, and then the calls that were under
 * way get a result that says so.
 */
import { limits, type SessionId } from "../base/index.ts";
import {
  interruptedResult,
  isOwnRecording,
  notRecorded,
  type OpenCall,
  OpenCallSearch,
  resumedNote,
} from "../recording/index.ts";
import { ProducerRefused } from "./appends.ts";
import { HttpError } from "./problem.ts";
import { Turns } from "./turns.ts";
import type { Workspace } from "./workspace.ts";

/** A recording that has been taken up again. */
export interface Resumption {
  /** Of the producer that goes on. */
  readonly epoch: number;
  /** What its next append is numbered. */
  readonly sequence: number;
  /** Events of the session. */
  readonly size: number;
  /** Calls that were under way; each has a result now. */
  readonly leftOpen: readonly OpenCall[];
}

type Place = Pick<Workspace, "appends" | "readers">;

/** So often it is tried to get an epoch before others do. */
const claimsMax = 8;

/**
 * Takes a recording up for a new instance of the producer `name`: from now on appends of earlier
 * ones are `FENCED`. What it has written is durable. Throws `CONFLICT` for a session that is none,
 * `FENCED` where yet another instance comes in between, and as `Appends.append`.
 */
export async function resumeRecording(
  { appends, readers }: Place,
  id: SessionId,
  name: string,
): Promise<Resumption> {
  const manifest = await readers.with(id, (reader) => reader.manifest);
  if (!isOwnRecording(manifest)) throw notRecorded(id);
  const { epoch, seq } = await claim(appends, id, name);
  // Nobody else can answer the calls before that event any more.
  const leftOpen = await openCalls(readers, id, seq);
  let [sequence, size] = [1, seq + 1];
  for (let at = 0; at < leftOpen.length; at += limits.appendEventsMax) {
    const results = leftOpen.slice(at, at + limits.appendEventsMax).map(interruptedResult);
    ({ size } = await appends.append(id, results, { producer: { name, epoch, sequence } }));
    sequence += 1;
  }
  return { epoch, sequence, size, leftOpen };
}

/** Begins the next epoch of a producer, with a note at `seq`. */
async function claim(
  appends: Place["appends"],
  id: SessionId,
  name: string,
): Promise<{ epoch: number; seq: number }> {
  for (let tries = 1; tries <= claimsMax; tries++) {
    const last = await appends.producer(id, name);
    const epoch = last ? last.epoch + 1 : 0;
    try {
      const producer = { name, epoch, sequence: 0 };
      const { firstSeq, duplicate } = await appends.append(id, [resumedNote()], { producer });
      if (firstSeq !== null && !duplicate) return { epoch, seq: firstSeq };
    } catch (error) {
      if (!(error instanceof ProducerRefused)) throw error;
    }
    // Another one has taken that epoch.
  }
  throw new HttpError("OVERLOADED", "too many take this session up at the same time", {
    where: id,
    retryAfterSeconds: 1,
  });
}

/** The calls before event `end` that have no result. */
function openCalls(readers: Place["readers"], id: SessionId, end: number): Promise<OpenCall[]> {
  return readers.with(id, async (reader) => {
    const search = new OpenCallSearch();
    const turns = new Turns();
    for (const event of reader.events(0, end)) {
      search.see(event);
      await turns.next();
    }
    return search.found();
  });
}
