/**
 * The times of a connection that brings an upload. A request has to arrive within half a minute and
 * a connection may not stand still for five: neither fits a body that is long, and that waits for
 * the server. Both are lifted for it, and its own rule (`upload-body.ts`) takes their place.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { ServerApp } from "../server-context.ts";

/** What is sent after the answer is thrown away for so long; then the connection is closed. */
const lingerMs = 2_000;

const uploading = new WeakSet<Socket>();

/** Whether a connection brings an upload, which may take longer than other requests. */
export function isUploading(socket: Socket): boolean {
  return uploading.has(socket);
}

/**
 * Lets clients that wait for it (`Expect: 100-continue`) send their bodies when it has been decided
 * that they may: not before a hook that was added earlier has looked at the request.
 */
export function addContinue(app: ServerApp): void {
  app.server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
    app.server.emit("request", request, response);
  });
  app.addHook("onRequest", async ({ headers }, reply) => {
    if (/^100-continue$/i.test(headers.expect ?? "")) reply.raw.writeContinue();
  });
}

/** Lifts the times of a connection until its request has been answered and has ended. */
export function beginUpload(request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request;
  uploading.add(socket);
  socket.setTimeout(0);
  request.once("close", () => uploading.delete(socket));
  // Closed at once, with bytes on their way, the connection would take the answer with it.
  response.once("finish", () => {
    if (request.complete) return;
    request.resume();
    const late = setTimeout(() => socket.destroy(), lingerMs);
    late.unref();
    socket.once("close", () => clearTimeout(late));
    request.once("end", () => clearTimeout(late));
  });
}
