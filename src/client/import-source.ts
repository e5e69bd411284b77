/**
 * What is sent to be imported, as the body of a request: bytes that are there are sent as they are,
 * which every browser can; a stream goes piece by piece, which Node can, and tells how far it is.
 */
import { ReachError } from "../base/index.ts";
import type { Content } from "./requests.ts";

/** Something that can be read from its beginning as often as needed: a `Blob`, a file. */
export interface StoredBytes {
  /** Bytes in all. */
  readonly size: number;
  stream(): ReadableStream<Uint8Array>;
}

/** What can be imported. A stream can be sent only once, and is not sent again by itself. */
export type ImportableSource = Uint8Array | StoredBytes | ReadableStream<Uint8Array>;

/** How a source is imported. */
export interface ImportRequest {
  /** What it is called: the name of its file. */
  readonly name?: string;
  /** `auto` (by its content, the default), `bundle`, or a format of `reach import`. */
  readonly format?: string;
  /** Where in a JSON document the array of records is: `a.b[0].c`. */
  readonly path?: string;
  /** Id of the session to make or to continue. */
  readonly id?: string;
  /** Make a new session in any case; then it is not sent again by itself. */
  readonly fresh?: boolean;
  /** C2SP vkey that has to have signed a bundle. */
  readonly key?: string;
  readonly signal?: AbortSignal;
  /** Told how many bytes have been sent; not of a `Blob` or of bytes, sent as they are. */
  readonly onProgress?: (bytes: number) => void;
}

const octets = "application/octet-stream";
/** Nobody says how far a `Blob` is on its way: one that is sent more slowly is given up. */
const bytesPerMsMin = 16;

/** The body that a source makes. */
export class ImportContent implements Content {
  readonly type = octets;
  readonly size: number | null;
  /** Whether it can be sent once more. */
  readonly reopenable: boolean;
  /** What sending it may take, beside what the server takes. */
  readonly allowanceMs: number;
  readonly #source: ImportableSource;
  readonly #onProgress: ((bytes: number) => void) | undefined;
  #failure: unknown;

  /** Throws `USAGE` for what is no source. */
  constructor(source: ImportableSource, onProgress?: (bytes: number) => void) {
    const bytes =
      source instanceof Uint8Array ? new Blob([source as Uint8Array<ArrayBuffer>]) : source;
    this.#source = bytes;
    this.#onProgress = onProgress;
    this.reopenable = !(bytes instanceof ReadableStream);
    this.size = bytes instanceof ReadableStream ? null : bytes.size;
    this.allowanceMs = bytes instanceof Blob ? bytes.size / bytesPerMsMin : 0;
    if (!this.reopenable || typeof this.size === "number") return;
    throw new ReachError("USAGE", "this can not be imported: no bytes, Blob or stream of bytes");
  }

  get failure(): unknown {
    return this.#failure;
  }

  open(moved: () => void): ReadableStream<Uint8Array> | Blob {
    const source = this.#source as Exclude<ImportableSource, Uint8Array>;
    if (source instanceof Blob) return source;
    this.#failure = undefined;
    const stream = source instanceof ReadableStream ? source : source.stream();
    return this.#counted(stream, moved);
  }

  #counted(source: ReadableStream<Uint8Array>, moved: () => void): ReadableStream<Uint8Array> {
    const reader = source.getReader();
    let sent = 0;
    return new ReadableStream({
      pull: async (stream) => {
        try {
          const { done, value } = await reader.read();
          moved();
          if (done) return stream.close();
          sent += value.length;
          stream.enqueue(value);
          this.#onProgress?.(sent);
        } catch (error) {
          this.#failure = error;
          stream.error(error);
        }
      },
      cancel: (reason) => reader.cancel(reason),
    });
  }
}
