/**
 * Bodies of requests: JSON, read as RFC 8259 has it and to the byte valid UTF-8, or CBOR as Reach
 * writes it. Both are plain data that an event can hold; anything else is refused by its name, and
 * so are a number that would change, and what has been compressed: as it came it would be somebody
 * else's bytes.
 */
import type { FastifyInstance } from "fastify";
import { decodeValue, inexactNumber, messageOf, textOfJson } from "../base/index.ts";
import { HttpError } from "./problem.ts";

/** A body of events has the data of each in a map, in a list, in a map. */
const bodyLevels = 3;

/** Teaches `app` to read bodies. */
export function addContentTypes(app: FastifyInstance): void {
  app.addHook("onRequest", async ({ method, headers }, reply) => {
    const coding = headers["content-encoding"] ?? "identity";
    if (method === "GET" || method === "HEAD" || /^\s*(identity)?\s*$/i.test(coding)) return;
    reply.header("accept-encoding", "identity");
    throw new HttpError("MEDIA_TYPE_UNSUPPORTED", "the body has a Content-Encoding", {
      hint: "send it as it is",
    });
  });
  app.removeAllContentTypeParsers();
  const options = { parseAs: "buffer" as const };
  app.addContentTypeParser("application/json", options, async (_: unknown, body: Buffer) => {
    return readBody("JSON", body, exactJson);
  });
  app.addContentTypeParser("application/cbor", options, async (_: unknown, body: Buffer) => {
    return readBody("CBOR", body, (bytes) => decodeValue(bytes, bodyLevels));
  });
  app.addContentTypeParser("*", async () => {
    throw new HttpError("MEDIA_TYPE_UNSUPPORTED", "the body has a Content-Type that is not taken", {
      hint: "send application/json or application/cbor",
    });
  });
}

function readBody(what: string, body: Buffer, read: (bytes: Uint8Array) => unknown): unknown {
  // A request without a body may name a type all the same.
  if (body.length === 0) return undefined;
  try {
    return read(body);
  } catch (error) {
    if (error instanceof HttpError) throw error;
    const reason = error instanceof SyntaxError ? withoutExcerpt(error) : messageOf(error);
    throw new HttpError("REQUEST_INVALID", `the body is no ${what}: ${reason}`);
  }
}

/** A value is stored and signed: what its text says, or nothing. */
function exactJson(bytes: Uint8Array): unknown {
  const text = textOfJson(bytes);
  const value: unknown = JSON.parse(text);
  const path = inexactNumber(text);
  if (path === undefined) return value;
  throw new HttpError("REQUEST_INVALID", `the number at ${path} of the body would be changed`, {
    hint: "send it as text, or an integer as CBOR: it is none that a double holds",
  });
}

/** V8 quotes the text around an error: that is content, and stays out of answers and logs. */
function withoutExcerpt(error: SyntaxError): string {
  const at = /position (\d+)/.exec(error.message)?.[1];
  if (at !== undefined) return `a syntax error at byte ${at}`;
  return error.message.includes("UTF-8") ? "it is no UTF-8" : "a syntax error";
}
