/**
 * Turning a response into a tail: its head, as every tail has it, and from then on the events of
 * the session as they come.
 */
import process from "node:process";
import type { FastifyReply } from "fastify";
import type { PayloadChoice } from "../pages/json-writer.ts";
import { sseFormat, type TailFormat } from "./tail-format.ts";
import type { TailHub, UsedSource } from "./tail-hub.ts";

/** The media type of tails. */
export const eventStream = "text/event-stream";

/** Formats are shared: tails of one format get the same bytes. */
const formats: Readonly<Record<PayloadChoice, TailFormat>> = {
  inline: sseFormat("inline"),
  ref: sseFormat("ref"),
  none: sseFormat("none"),
};

/** How a tail is answered. */
interface TailAnswer {
  readonly status: number;
  readonly from: number;
  readonly payload: PayloadChoice;
}

/**
 * Answers with `status`, the headers that `reply` has, and events from `from` on; `used` is
 * released at the end. Whoever asked may be gone by now.
 */
export function sendTail(
  reply: FastifyReply,
  tails: TailHub,
  used: UsedSource,
  options: TailAnswer,
): void {
  reply.hijack();
  const { raw } = reply;
  const connection = reply.request.raw.socket;
  if (raw.socket || connection.destroyed) {
    begin(reply, tails, used, options);
    return;
  }
  // Another answer of the connection comes first: this one has no socket until that has ended.
  const turn = (): void => {
    raw.off("socket", turn);
    connection.off("close", turn);
    begin(reply, tails, used, options);
  };
  raw.once("socket", turn);
  connection.once("close", turn);
}

function begin(reply: FastifyReply, tails: TailHub, used: UsedSource, options: TailAnswer): void {
  const { raw } = reply;
  const { socket } = raw;
  if (!socket || socket.destroyed) {
    used.release();
    return;
  }
  // Head and first events in one packet.
  socket.cork();
  process.nextTick(() => socket.uncork());
  raw.writeHead(options.status, {
    ...(reply.getHeaders() as Record<string, string>),
    "content-type": eventStream,
    "cache-control": "no-store, no-transform",
    "x-accel-buffering": "no",
  });
  raw.flushHeaders();
  socket.setNoDelay(true).setKeepAlive(true, 60_000);
  tails.open(used, raw, { from: options.from, format: formats[options.payload] });
}
