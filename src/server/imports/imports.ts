/**
 * Imports over HTTP: uploads that become sessions while everything else goes on. What is promised
 * of an import that ends early is what Ctrl-C promises on the command line: the session is whole up
 * to a record, and the same source goes on with it; where that cannot be, nothing stays.
 */
import type { Readable } from "node:stream";
import {
  codeOf,
  type ErrorCode,
  messageOf,
  type SessionId,
  sha256,
  toHex,
} from "../../base/index.ts";
import { type ImportReport, importSource } from "../../importers/index.ts";
import {
  type BundleImport,
  type Directory,
  holdsBundle,
  importBundle,
  verifierOf,
} from "../../session/index.ts";
import { HttpError } from "../problem.ts";
import type { ServerConfig } from "../server-options.ts";
import { Turns } from "../turns.ts";
import { SameSources } from "./same-sources.ts";
import { type CutReason, UploadBody } from "./upload-body.ts";
import { spoolSource, UploadSpool } from "./upload-spool.ts";

/** What is to be imported, and how. */
export interface ImportRequest {
  readonly body: Readable;
  /** Bytes of the body, where the client says so. */
  readonly size: number | null;
  /** What people call it. */
  readonly name: string;
  /** `auto`, `bundle`, or the name of a format. */
  readonly format: string;
  readonly path?: string | undefined;
  readonly id?: SessionId | undefined;
  readonly fresh?: boolean | undefined;
  /** C2SP vkey that has to have signed a bundle. */
  readonly key?: string | undefined;
  /** Whether it may be the bundle of a session with a program, whose code comes along. */
  readonly programs: boolean;
}

/** What became of it. */
export type ImportAnswer = ImportReport | ({ readonly format: "bundle" } & BundleImport);

/** Bytes by which sources are taken for the same: as many as `ImportIndex` looks at. */
const headBytes = 128;
const retryAfterSeconds = 5;

/** The imports of one workspace. */
export class Imports {
  readonly #directory: Directory;
  readonly #config: ServerConfig;
  readonly #sources = new SameSources();
  readonly #running = new Set<RunningImport>();
  readonly #ends = new Set<Promise<unknown>>();
  #stopped = false;

  constructor(directory: Directory, config: ServerConfig) {
    this.#directory = directory;
    this.#config = config;
  }

  /** Imports under way. */
  get running(): number {
    return this.#running.size;
  }

  /**
   * Imports a body; resolves when the session is durable and signed. Throws `OVERLOADED` while too
   * many are under way, `UNAVAILABLE` after `stop`, and what the import of a file throws.
   */
  async take(request: ImportRequest): Promise<ImportAnswer> {
    if (this.#stopped) throw new HttpError("UNAVAILABLE", "the server is stopping");
    const { importsMax } = this.#config;
    if (this.#running.size >= importsMax) {
      throw new HttpError("OVERLOADED", `${importsMax} imports are under way`, {
        retryAfterSeconds,
      });
    }
    if (request.key !== undefined) checkKey(request.key);
    const one = new RunningImport(this.#directory, this.#config, this.#sources, request);
    this.#running.add(one);
    const ended = one.run().finally(() => {
      this.#running.delete(one);
      this.#ends.delete(ended);
    });
    this.#ends.add(ended);
    return ended;
  }

  /** Ends what is under way at a good place, and begins nothing more. */
  stop(): void {
    this.#stopped = true;
    for (const one of this.#running) one.stop();
  }

  /** Resolves when none is under way. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#ends);
  }
}

function checkKey(key: string): void {
  try {
    verifierOf(key);
  } catch (error) {
    throw new HttpError("REQUEST_INVALID", `key: ${messageOf(error)}`, { where: "key" });
  }
}

/** One import. */
class RunningImport {
  readonly #directory: Directory;
  readonly #config: ServerConfig;
  readonly #sources: SameSources;
  readonly #request: ImportRequest;
  readonly #controller = new AbortController();
  readonly #turns = new Turns();
  #body: UploadBody | undefined;
  #why: CutReason | undefined;

  constructor(
    directory: Directory,
    config: ServerConfig,
    sources: SameSources,
    request: ImportRequest,
  ) {
    this.#directory = directory;
    this.#config = config;
    this.#sources = sources;
    this.#request = request;
  }

  /** Ends it at a good place, soon. */
  stop(): void {
    this.#why ??= "stopping";
    this.#body?.cut("stopping");
    this.#controller.abort();
  }

  async run(): Promise<ImportAnswer> {
    const { body } = this.#request;
    const spool = await UploadSpool.open(`${this.#directory.path}/imports`);
    const { stalledMs } = this.#config;
    const onCut = (why: CutReason): void => {
      this.#why ??= why;
    };
    // What has arrived by then is imported.
    spool.onCutReached = () => this.#controller.abort();
    this.#body = new UploadBody(body, spool, { stalledMs, onCut });
    if (this.#why) this.#body.cut(this.#why);
    try {
      return await this.#import(spool);
    } catch (error) {
      throw this.#explained(error);
    } finally {
      this.#body.stop();
      await spool.close();
    }
  }

  async #import(spool: UploadSpool): Promise<ImportAnswer> {
    const head = await headOf(spool);
    const { signal } = this.#controller;
    const key = toHex(sha256(head));
    const leave = await this.#sources.enter(key, this.#config.requestTimeoutMs, signal);
    try {
      const answer = await (this.#isBundle(head)
        ? this.#importBundle(spool)
        : this.#importTranscript(spool));
      if ("interrupted" in answer && answer.interrupted) throw endedEarly(this.#why, answer);
      return answer;
    } finally {
      leave();
    }
  }

  /** Throws `USAGE` where something that was asked for would be ignored. */
  #isBundle(head: Uint8Array): boolean {
    const { format, id, path, fresh, key } = this.#request;
    const bundle = format === "bundle" || (format === "auto" && holdsBundle(head));
    if (bundle && (id !== undefined || path !== undefined || fresh)) {
      throw new HttpError("USAGE", "--id, --path and --fresh have no meaning for a bundle", {
        hint: "a bundle brings its session along, with its id",
      });
    }
    if (!bundle && key !== undefined) {
      throw new HttpError("USAGE", `--key is given, and ${this.#request.name} is no bundle`, {
        hint: "without --key it is imported as a transcript, which nobody has signed",
      });
    }
    return bundle;
  }

  #importTranscript(spool: UploadSpool): Promise<ImportReport> {
    const { name, size, format, path, id, fresh } = this.#request;
    return importSource(this.#directory, {
      source: spoolSource(spool, name, size),
      format,
      ...(path === undefined ? {} : { path }),
      ...(id === undefined ? {} : { id }),
      fresh: fresh === true,
      signal: this.#controller.signal,
      asWhole: true,
      turn: () => this.#turns.next(),
    });
  }

  async #importBundle(spool: UploadSpool): Promise<ImportAnswer> {
    const { key, programs } = this.#request;
    const { signal } = this.#controller;
    const bundle = await importBundle(this.#directory, spool.bytes(0), {
      ...(key === undefined ? {} : { verifierKey: key }),
      accept: ({ kind, program }) => {
        if ((kind === "executed" || program) && !programs) throw noPrograms();
      },
      signal,
    });
    return { format: "bundle", ...bundle };
  }

  /** The error as HTTP has it: what is wrong with the body is not a fault of the server. */
  #explained(error: unknown): unknown {
    const code = codeOf(error);
    const cutOff = this.#why !== undefined && code !== undefined && ofBody.has(code);
    if (code === "INTERRUPTED" || cutOff) return endedEarly(this.#why);
    const { where, hint } = error as { readonly where?: string; readonly hint?: string };
    const offline = hint?.includes("--restore") === true;
    if (code === undefined || !(offline || ofBody.has(code))) return error;
    const advice = offline ? restoreHint : hint;
    return new HttpError(code, messageOf(error), {
      cause: error,
      ...(ofBody.has(code) ? { status: 422 } : {}),
      ...(where === undefined ? {} : { where }),
      ...(advice === undefined ? {} : { hint: advice }),
    });
  }
}

function noPrograms(): HttpError {
  return new HttpError(
    "FORBIDDEN",
    "the bundle brings a program along, which this server may run",
    {
      hint: "a token for that needs the scope admin",
    },
  );
}

const restoreHint =
  "nothing has changed; to put the bundle in its place stop the server and give " +
  "`reach import FILE --restore`";

/** Codes that are about what was sent. */
const ofBody: ReadonlySet<ErrorCode> = new Set([
  "BUNDLE_INVALID",
  "FORMAT_UNSUPPORTED",
  "NOTE_INVALID",
  "PROOF_INVALID",
  "SIGNATURE_INVALID",
  "SOURCE_UNREADABLE",
]);

/** The first bytes of a body; fewer where it has no more. */
async function headOf(spool: UploadSpool): Promise<Uint8Array> {
  for await (const piece of spool.bytes(0)) return piece.slice(0, headBytes);
  return new Uint8Array(0);
}

/** Why an import has ended before its source, and what is kept of it. */
function endedEarly(why: CutReason | undefined, kept?: ImportReport): HttpError {
  const what = kept
    ? `its first ${kept.events} events are kept, and sending it again goes on`
    : "nothing new of it is kept";
  const details = kept ? { where: kept.id } : {};
  if (why === "stopping") {
    return new HttpError("UNAVAILABLE", `the server is stopping: ${what}`, {
      ...details,
      retryAfterSeconds,
    });
  }
  const how = why === "slow" ? "came too slowly" : "broke off";
  const status = why === "slow" ? 408 : 400;
  return new HttpError("REQUEST_INVALID", `the upload ${how}: ${what}`, { ...details, status });
}
