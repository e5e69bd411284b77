/** A server that stands before another one and does not pass on all that is asked or said. */
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/**
 * Serves on a free port until the test ends. `meddle` gets each path; it returns the path to ask
 * the other server for, or nothing when it has answered itself.
 */
export async function standIn(
  url: string,
  meddle: (asked: string, reply: http.ServerResponse) => string | undefined,
): Promise<string> {
  const server = http.createServer(async (request, reply) => {
    const path = meddle(request.url ?? "/", reply);
    if (path === undefined) return;
    const sent: Buffer[] = [];
    for await (const piece of request) sent.push(piece as Buffer);
    const { method = "GET", headers } = request;
    const { accept = "*/*", "content-type": type } = headers;
    const answer = await fetch(url + path, {
      method,
      headers: { accept, ...(type === undefined ? {} : { "content-type": type }) },
      ...(sent.length > 0 ? { body: Buffer.concat(sent) } : {}),
    });
    const kept = [...answer.headers].filter(([name]) => !/^(connection|transfer|keep)/.test(name));
    reply.writeHead(answer.status, Object.fromEntries(kept));
    reply.end(Buffer.from(await answer.arrayBuffer()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Begins an answer and breaks the connection inside of it. */
export function breakInside(reply: http.ServerResponse): void {
  reply.writeHead(200, { "content-type": "application/octet-stream", "content-length": 4096 });
  reply.write("REACHBDL", () => reply.destroy());
}

/** Answers with a problem, as a server does. */
export function problem(reply: http.ServerResponse, status: number, code: string): void {
  reply.writeHead(status, { "content-type": "application/problem+json" });
  reply.end(JSON.stringify({ status, code, detail: `it is ${code}` }));
}
