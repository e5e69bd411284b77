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

/**
 * Answers with `status`, the headers that `reply` has, and events from `from` on; `used` is
 * released at the end. Whoever asked may be gone by now.
 */
export function sendTail(
  reply: FastifyReply,
  tails: TailHub,
  used: UsedSource,
  options: { readonly status: number; readonly from: number; readonly payload: PayloadChoice },
): void {
  reply.hijack();
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
