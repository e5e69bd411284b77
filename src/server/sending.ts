/**
 * Sending a body that is made while it is sent: in one go when it is short, else as fast as the
 * client takes it, and not at all any more when the client has gone.
 */
import { Readable, type Writable } from "node:stream";
import type { FastifyReply } from "fastify";
import { Turns } from "./turns.ts";

/** The most that waits in the server for a client that does not read. */
const waitingBytes = 256 * 1024;

/** Answers with bytes that are written already, whatever the route's schema says they hold. */
export function sendBytes(reply: FastifyReply, bytes: Uint8Array): FastifyReply {
  return reply.send(bytes);
}

/**
 * Answers with `pieces`; `release` is called when they have been sent, or never will be. With
 * `bytes`, what they are in all, the client is told beforehand.
 */
export function sendPieces(
  reply: FastifyReply,
  pieces: Generator<Uint8Array> | AsyncGenerator<Uint8Array>,
  { release, bytes }: { readonly release: () => void; readonly bytes?: number | undefined },
): FastifyReply {
  if (bytes !== undefined) reply.header("content-length", String(bytes));
  const stream = Readable.from(pieces, { objectMode: false, highWaterMark: waitingBytes });
  stream.once("close", release);
  return reply.send(stream);
}

/** Answers with the pieces of a page: of a short one as a whole. */
export function sendPage(
  reply: FastifyReply,
  pieces: Generator<Buffer>,
  { release, bytes }: { readonly release: () => void; readonly bytes?: number | undefined },
): FastifyReply {
  let first: IteratorResult<Buffer>;
  let second: IteratorResult<Buffer> | undefined;
  try {
    first = pieces.next();
    second = first.done ? first : pieces.next();
  } catch (error) {
    release();
    throw error;
  }
  const begun = first.done ? Buffer.alloc(0) : first.value;
  if (second.done) {
    release();
    return reply.send(begun);
  }
  return sendPieces(reply, rest(begun, second.value, pieces), { release, bytes });
}

function* rest(a: Buffer, b: Buffer, pieces: Generator<Buffer>): Generator<Buffer> {
  yield a;
  yield b;
  yield* pieces;
}

/**
 * Writes to a stream no faster than it is taken, and leaves the thread to others from time to time;
 * what is written to one that has been closed is lost.
 */
export function writingTo(stream: Writable): (bytes: Uint8Array) => Promise<void> {
  const turns = new Turns();
  return async (bytes) => {
    if (stream.destroyed) return;
    if (!stream.write(bytes)) await drained(stream);
    await turns.next();
  };
}

function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off("drain", done).off("close", done);
      resolve();
    };
    stream.on("drain", done).on("close", done);
  });
}
