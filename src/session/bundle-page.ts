/**
 * A page that holds a bundle: one HTML file that shows a session to whoever opens it, without a
 * server, and that is still the bundle for whoever would rather verify it with a program. The
 * bundle stands in an element of its own, compressed (gzip) and in base64.
 */
import { once } from "node:events";
import { createGunzip, createGzip } from "node:zlib";
import { fromUtf8, messageOf, ReachError, utf8 } from "../base/index.ts";
import { isBundleHead } from "./bundle-format.ts";
import type { ByteSink } from "./export-original.ts";

/** What every such page begins with, and a bundle never does. */
export const bundlePageMagic = "<!doctype html>";
/** Where the bundle begins in a page. It is not a script to anybody: no browser runs that type. */
const opening = '<script type="application/gzip" id="bundle">';
const closing = "</script>";
/** Base64 is written in lines' lengths of this many bytes, a multiple of three. */
const pieceBytes = 48 * 1024;
/** The element begins within so many bytes of the page. */
const headBytesMax = 4 * 1024 * 1024;

/**
 * Writes a page to `sink`: `before`, the bundle that `produce` writes, `after`. The former begins
 * with `bundlePageMagic`. Throws what `produce` and `sink` throw.
 */
export async function writeBundlePage<Result>(
  sink: ByteSink,
  { before, after }: { readonly before: string; readonly after: string },
  produce: (sink: ByteSink) => Promise<Result>,
): Promise<Result> {
  await sink(utf8(before + opening));
  const gzip = createGzip();
  const encoded = encodeTo(sink, gzip);
  // Heard of below; what is not awaited yet is not to end the process.
  encoded.catch(() => {});
  let result: Result;
  try {
    result = await produce(async (piece) => {
      // Then it says why.
      if (gzip.destroyed) await encoded;
      if (!gzip.write(piece)) await Promise.race([once(gzip, "drain"), encoded]);
    });
    gzip.end();
  } catch (error) {
    gzip.destroy();
    throw error;
  }
  await encoded;
  await sink(utf8(closing + after));
  return result;
}

async function encodeTo(sink: ByteSink, compressed: AsyncIterable<Buffer>): Promise<void> {
  let held = Buffer.alloc(0);
  for await (const piece of compressed) {
    held = Buffer.concat([held, piece]);
    const whole = held.length - (held.length % pieceBytes);
    if (whole > 0) await sink(utf8(held.toString("base64", 0, whole)));
    held = held.subarray(whole);
  }
  await sink(utf8(held.toString("base64")));
}

/**
 * The bundle in the pieces of a file: of a page what stands in it, of anything else all of it.
 * Throws `BUNDLE_INVALID` for a page that holds none, or one that is cut off or damaged there.
 */
export async function* bundleOfPage(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  const reading = pieces[Symbol.asyncIterator]();
  try {
    let head = Buffer.alloc(0);
    const more = async (): Promise<boolean> => {
      const { done, value } = await reading.next();
      if (!done) head = Buffer.concat([head, value]);
      return !done;
    };
    while (head.length < bundlePageMagic.length && (await more()));
    if (!isPage(head)) {
      if (head.length > 0) yield head;
      for (let next = await reading.next(); !next.done; next = await reading.next()) {
        yield next.value;
      }
      return;
    }
    let at = head.indexOf(opening);
    while (at < 0 && head.length < headBytesMax && (await more())) at = head.indexOf(opening);
    if (at < 0) throw noBundle("it is a page without a bundle");
    yield* decoded(head.subarray(at + opening.length), reading);
  } finally {
    await reading.return?.();
  }
}

/** Whether a file that begins so is a bundle, or a page that should hold one. */
export function holdsBundle(head: Uint8Array): boolean {
  return isBundleHead(head) || isPage(head);
}

/** Whether a file that begins so is a page. */
function isPage(head: Uint8Array): boolean {
  return fromUtf8(head.subarray(0, bundlePageMagic.length)) === bundlePageMagic;
}

async function* decoded(
  first: Buffer,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  const gunzip = createGunzip();
  const fed = feed(gunzip, first, rest);
  fed.catch((error: unknown) => gunzip.destroy(error as Error));
  try {
    for await (const piece of gunzip) yield piece as Buffer;
    await fed;
  } catch (error) {
    if (error instanceof ReachError) throw error;
    throw noBundle(`what it holds is damaged: ${messageOf(error)}`);
  }
}

/** Decodes base64 into `gunzip`, up to the end of the element. */
async function feed(
  gunzip: ReturnType<typeof createGunzip>,
  first: Buffer,
  rest: AsyncIterator<Uint8Array>,
): Promise<void> {
  let text = base64Of(first);
  for (;;) {
    const end = text.indexOf("<");
    const whole = end >= 0 ? end : text.length - (text.length % 4);
    const bytes = Buffer.from(text.slice(0, whole), "base64");
    if (bytes.length > 0 && !gunzip.write(bytes)) await once(gunzip, "drain");
    if (end >= 0) break;
    const { done, value } = await rest.next();
    if (done) throw noBundle("it is cut off");
    text = text.slice(whole) + base64Of(value);
  }
  gunzip.end();
}

/** Without the ends of lines that an editor or a mail program may have put in. */
function base64Of(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1").replace(/\s+/g, "");
}

function noBundle(what: string): ReachError {
  return new ReachError("BUNDLE_INVALID", what, {
    hint: "make one with `reach export --format html`, or `--format bundle`",
  });
}
