/**
 * A stream as Server-Sent Events (Durable Streams protocol, section 5.8): messages as they come,
 * after each of them where to go on. It ends after a minute, so that caches can bring readers
 * together; the client comes back.
 */
import type { ServerResponse } from "node:http";
import type { ServerConfig } from "../server-options.ts";
import type { TailHub } from "../tails/tail-hub.ts";
import { bodyOf } from "./stream-messages.ts";
import { cursorAfter, offsetText } from "./stream-offset.ts";
import type { StreamPiece } from "./stream-reading.ts";
import { mediaTypeOf } from "./stream-state.ts";
import type { Stream } from "./stream-store.ts";
import type { Streams } from "./streams.ts";

/** What an answer is made with. */
export interface Following {
  readonly streams: Streams;
  readonly tails: TailHub;
  readonly config: ServerConfig;
  readonly stream: Stream;
  readonly from: number;
  readonly cursor: string | undefined;
}

/** Whether the bytes of a stream are sent as base64: they need not be text. */
export function isBinary(contentType: string): boolean {
  const type = mediaTypeOf(contentType);
  return !type.startsWith("text/") && type !== "application/json";
}

/** Sends a stream over a response that has sent its head; resolves when it is over. */
export async function follow(response: ServerResponse, following: Following): Promise<void> {
  const { streams, tails, config, stream } = following;
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const until = performance.now() + config.streamEventsMs;
  let { from } = following;
  let told = false;
  const leave = streams.follow(stream);
  try {
    while (!gone.signal.aborted) {
      streams.touch(stream);
      const piece = await streams.read(stream, from);
      if (stream.state.deleted) break;
      // What is said to be there cannot be read now. Reading again at once would go on for ever.
      const stuck = piece.next === from && !piece.upToDate;
      from = piece.next;
      if (piece.messages.length > 0 || piece.closed || !told) {
        response.write(textOf(piece, following));
        told = true;
      }
      if (piece.closed || !(await drained(response, config.slowReaderMs))) break;
      if (stuck) break;
      if (!piece.upToDate) continue;
      const left = until - performance.now();
      if (left <= 0 || tails.stopping) break;
      const timeoutMs = Math.min(left, config.heartbeatMs);
      const { size } = stream.state;
      const now = await tails.wait(stream.id, size, { timeoutMs, signal: gone.signal });
      if (now.size <= size && !gone.signal.aborted) response.write(":\n\n");
    }
  } finally {
    leave();
    response.end();
  }
}

/** The messages as one event, and the event that says where to go on. */
function textOf(piece: StreamPiece, { stream, cursor }: Following): string {
  const { messages, next, upToDate, closed } = piece;
  const control = {
    streamNextOffset: offsetText(next),
    ...(closed ? {} : { streamCursor: cursorAfter(cursor, Date.now()) }),
    ...(upToDate ? { upToDate } : {}),
    ...(closed ? { streamClosed: true } : {}),
  };
  const end = `event: control\ndata:${JSON.stringify(control)}\n\n`;
  if (messages.length === 0) return end;
  const body = bodyOf(messages, stream.state.json);
  const text = body.toString(isBinary(stream.config.contentType) ? "base64" : "utf8");
  const lines = text.split(/\r\n|\r|\n/).map(dataLine);
  return `event: data\n${lines.join("")}\n${end}`;
}

/** A line of data; readers drop one space behind the colon. */
function dataLine(line: string): string {
  return line.startsWith(" ") ? `data: ${line}\n` : `data:${line}\n`;
}

/** Whether the client has taken what was written, within the time that it has. */
function drained(response: ServerResponse, ms: number): Promise<boolean> {
  if (!response.writableNeedDrain) return Promise.resolve(!response.destroyed);
  return new Promise((resolve) => {
    const done = (taken: boolean): void => {
      clearTimeout(late);
      response.off("drain", onDrain).off("close", onClose);
      if (!taken) response.destroy();
      resolve(taken);
    };
    const onDrain = (): void => done(true);
    const onClose = (): void => done(false);
    const late = setTimeout(() => done(false), ms);
    response.once("drain", onDrain).once("close", onClose);
  });
}
