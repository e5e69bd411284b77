/**
 * Uploads for tests: whole ones with `fetch`, and raw ones on a socket that can be cut at any byte,
 * slowed down or kept open. And what a server has of a session, as the file that it came from.
 */
import { createHash } from "node:crypto";
import * as net from "node:net";
import { onTestFinished } from "vitest";
import type { ImportReport } from "../../src/importers/index.ts";
import { exportOriginal, type SessionReader } from "../../src/session/index.ts";
import type { Served } from "./serving.ts";

/** What an import was answered with. */
export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly report: ImportReport;
  readonly code: string | undefined;
  readonly detail: string;
}

/** Imports bytes as the body of one request, which the contract is held to. */
export async function upload(
  served: Served,
  body: Uint8Array | string | ReadableStream<Uint8Array>,
  query: Readonly<Record<string, string>> = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<Answered> {
  const answer = await served.get(`/v1/imports?${new URLSearchParams(query)}`, {
    method: "POST",
    headers: { "content-type": "application/octet-stream", ...headers },
    body: body as BodyInit,
    ...(body instanceof ReadableStream ? { duplex: "half" } : {}),
  });
  const report = (await answer.json()) as ImportReport & { code?: string; detail?: string };
  const { code, detail = "" } = report;
  return { status: answer.status, headers: answer.headers, report, code, detail };
}

/** A request on a socket of its own, of which each byte is sent by hand. */
export class RawUpload {
  readonly socket: net.Socket;
  /** What the server has answered. */
  answer = "";
  readonly closed: Promise<void>;

  constructor(served: Served, length: number | "chunked", headers: readonly string[] = []) {
    const socket = net.connect(served.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.setEncoding("latin1").on("data", (text: string) => {
      this.answer += text;
    });
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    onTestFinished(() => void socket.destroy());
    const size = length === "chunked" ? "Transfer-Encoding: chunked" : `Content-Length: ${length}`;
    const lines = [
      "POST /v1/imports?name=raw.jsonl HTTP/1.1",
      `Host: 127.0.0.1:${served.port}`,
      "Content-Type: application/octet-stream",
      size,
      ...headers,
    ];
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    this.socket = socket;
  }

  /** Resolves when the system has taken the bytes. */
  send(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.socket.write(bytes, () => resolve());
    });
  }

  /** Goes away, with a reset or as who has sent everything. */
  cut(how: "reset" | "end" = "reset"): void {
    if (how === "reset") this.socket.resetAndDestroy();
    else this.socket.end();
  }

  /** Resolves when the answer matches. */
  async until(what: RegExp): Promise<string> {
    while (!what.test(this.answer)) {
      if (this.socket.destroyed) throw new Error(`closed before ${what}: ${this.answer}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return this.answer;
  }
}

/** Resolves when the server has no import under way. */
export async function quiet(served: Served): Promise<void> {
  const imports = served.server.context.workspaces.get("default")?.imports;
  while (imports && imports.running > 0) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Ids of the sessions that the server lists. */
export async function listed(served: Served): Promise<string[]> {
  const answer = await served.get("/v1/sessions?limit=1000");
  const { sessions } = (await answer.json()) as { sessions: { id: string }[] };
  return sessions.map(({ id }) => id);
}

/** The source that a session was imported from, as it is given back. */
export async function originalOf(served: Served, id: string): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  const workspace = served.server.context.workspaces.get("default");
  await workspace?.readers.with(id, async (reader: SessionReader) => {
    await exportOriginal(reader, (bytes) => {
      pieces.push(Uint8Array.from(bytes));
    });
  });
  return Buffer.concat(pieces);
}

/** SHA-256 of that. */
export async function originalHash(served: Served, id: string): Promise<string> {
  return hashOf(await originalOf(served, id));
}

/** SHA-256 of bytes. */
export function hashOf(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}
