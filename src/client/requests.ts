/**
 * Requests to a server: the token, the answers that are errors, and trying again what may be sent
 * twice, also when the connection breaks inside of an answer, with growing pauses and for as long
 * as the server asks. A server that hangs is given up, and so is one that asks for too long.
 */
import {
  codeOf,
  type ErrorCode,
  encodeValue,
  errorCodes,
  messageOf,
  ReachError,
  timerMsMax,
} from "../base/index.ts";
import type { ProblemInfo } from "./answers.ts";

/** How a server is reached. */
export interface ClientOptions {
  /** `https://reach.example`: what the paths `/v1/…` are under. */
  readonly url: string;
  /** Sent with every request; a function is asked each time. */
  readonly token?: string | (() => string | Promise<string>) | undefined;
  /** Tries of a request that may be sent twice; default 5. */
  readonly attempts?: number;
  /**
   * An answer that has not begun, or does not go on, for so long is given up; default 60 s. What
   * the server computes first (states, bundles) may take five times as long.
   */
  readonly silenceMs?: number;
  /** Instead of the global `fetch`: a proxy, an agent of one's own, a test. */
  readonly fetch?: typeof fetch;
}

/** One request. */
export interface Asking {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE" | "HEAD";
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Plain data, sent as CBOR: JSON has no form for some of it. */
  readonly body?: unknown;
  /** The same, encoded already. */
  readonly bytes?: Uint8Array;
  /** Bytes that are sent as they are, in its place. */
  readonly content?: Content;
  readonly signal?: AbortSignal | undefined;
  /** Whether it may be sent again; default: for `GET` and `HEAD`. */
  readonly again?: boolean;
  /**
   * Instead of so often it is tried for so long, in milliseconds, also where the server is silent.
   * Implies `again`.
   */
  readonly patienceMs?: number;
  /** How long the server may say nothing, where that is not what the client was made with. */
  readonly silenceMs?: number;
}

/** Bytes of any number, as the body of a request. */
export interface Content {
  readonly type: string;
  /** How many they are; `null` where nobody knows. */
  readonly size: number | null;
  /** All of them, each time that they are sent; `moved` is called when some have been taken. */
  open(moved: () => void): ReadableStream<Uint8Array> | Blob;
  /** What reading them has thrown: `fetch` would name the network. */
  readonly failure: unknown;
}

/** An answer that has arrived. */
export interface WholeAnswer {
  readonly headers: Headers;
  readonly bytes: Uint8Array;
}

const attemptsDefault = 5;
const firstPauseMs = 100;
const pauseMsMax = 5000;
/** Whoever asks to be left alone for longer is not waited for. */
const askedMsMax = 60_000;
const silenceMsDefault = 60_000;
/** The cause of giving up a server that hangs: it is not asked again, which would take as long. */
const silence = new Error("the server says nothing");
const passing: ReadonlySet<number> = new Set([408, 429, 502, 503, 504]);

/** Sends requests to one server. */
export class Requests {
  readonly url: string;
  readonly #token: ClientOptions["token"];
  readonly #attempts: number;
  readonly #fetch: typeof fetch;
  /** See `ClientOptions`. */
  readonly silenceMs: number;

  /** Throws `USAGE` for a URL, a number of tries or a time that is none. */
  constructor(options: ClientOptions) {
    const { url, token, attempts = attemptsDefault } = options;
    this.url = checkedUrl(url);
    this.silenceMs = options.silenceMs ?? silenceMsDefault;
    if (!(attempts >= 0)) throw new ReachError("USAGE", `${attempts} is no number of tries`);
    if (!(this.silenceMs > 0)) {
      throw new ReachError("USAGE", `${this.silenceMs} is no time of silence, in milliseconds`);
    }
    this.#token = token;
    this.#attempts = Math.max(attempts, 1);
    // Browsers refuse to call theirs as a method of something else.
    const { fetch = globalThis.fetch } = options;
    this.#fetch = (...asking) => fetch(...asking);
  }

  /**
   * The answer, if it is none of an error; its body is still to come. Throws what the server says,
   * `UNAVAILABLE` when it cannot be reached, `INTERRUPTED` when `signal` is aborted.
   */
  send(path: string, asking: Asking = {}): Promise<Response> {
    return this.take(path, asking, (answer) => Promise.resolve(answer));
  }

  /** The answer with its whole body. Throws as `send`, `UNAVAILABLE` also when that breaks off. */
  whole(path: string, asking: Asking = {}): Promise<WholeAnswer> {
    return this.take(path, asking, async (answer) => {
      return { headers: answer.headers, bytes: await this.#bytesOf(answer, asking) };
    });
  }

  /**
   * The JSON of the answer. Throws as `whole`, and `UNAVAILABLE` for what is no JSON, or an answer
   * that nobody would expect who asks a server of Reach.
   */
  async json<Answer extends object>(
    path: string,
    asking: Asking,
    expected: (answer: Answer) => boolean,
  ): Promise<Answer> {
    const headers = { accept: "application/json", ...asking.headers };
    const { bytes } = await this.whole(path, { ...asking, headers });
    let answer: unknown;
    try {
      answer = JSON.parse(new TextDecoder().decode(bytes));
    } catch (cause) {
      throw stranger(this.url, "answers what is no JSON", cause);
    }
    if (typeof answer === "object" && answer && expected(answer as Answer)) return answer as Answer;
    throw stranger(this.url, "answers what no server of Reach does");
  }

  /**
   * What `use` makes of the answer. Where it throws what passes by itself, the request is sent
   * again, as when there had been no answer. Throws `DATA_UNSUPPORTED` for a body that is no plain
   * data, and sends nothing then.
   */
  async take<Result>(
    path: string,
    asking: Asking,
    use: (answer: Response) => Promise<Result>,
  ): Promise<Result> {
    const { signal, patienceMs } = asking;
    const body = asking.body === undefined ? asking.bytes : encodeValue(asking.body);
    const isLast = this.#triesOf(asking);
    for (let attempt = 1; ; attempt++) {
      const { answer, error } = await this.#try(path, asking, body);
      if (answer?.ok || answer?.status === 304) {
        try {
          return await use(answer);
        } catch (failure) {
          const silent = isSilence(failure) && patienceMs === undefined;
          if (!isPassing(failure) || silent || isLast(attempt)) throw failure;
        }
      } else {
        const lasting = answer !== undefined && !passing.has(answer.status);
        const late = askedMs(answer) > askedMsMax;
        if (lasting || late || isLast(attempt)) {
          throw answer ? await this.#errorOf(answer, asking) : error;
        }
        await answer?.body?.cancel();
      }
      await pause(pauseFor(attempt, askedMs(answer)), signal);
    }
  }

  /** Tells of each attempt that has failed whether it was the last one. */
  #triesOf({ method = "GET", again, patienceMs }: Asking): (attempt: number) => boolean {
    if (patienceMs !== undefined) {
      const end = performance.now() + patienceMs;
      return () => performance.now() >= end;
    }
    const attempts = (again ?? (method === "GET" || method === "HEAD")) ? this.#attempts : 1;
    return (attempt) => attempt >= attempts;
  }

  async #try(
    path: string,
    asking: Asking,
    encoded: Uint8Array | undefined,
  ): Promise<{ answer?: Response; error?: ReachError }> {
    const { method = "GET", query = {}, headers = {}, signal, content, patienceMs } = asking;
    const { silenceMs = this.silenceMs } = asking;
    const target = new URL(this.url + path);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) target.searchParams.set(name, String(value));
    }
    const sent: Record<string, string> = { ...headers, ...(await this.#authorization()) };
    if (encoded !== undefined) sent["content-type"] = "application/cbor";
    if (content) sent["content-type"] = content.type;
    const late = new AbortController();
    const limitMs = Math.min(silenceMs, timerMsMax);
    let timer: ReturnType<typeof setTimeout> | undefined = setTimeout(() => late.abort(), limitMs);
    const moved = (): void => {
      // A server may answer before it has taken everything.
      if (timer === undefined) return;
      clearTimeout(timer);
      timer = setTimeout(() => late.abort(), limitMs);
    };
    const body = content ? content.open(moved) : encoded;
    const isStream = content !== undefined && body instanceof ReadableStream;
    if (isStream && content?.size != null) sent["content-length"] = String(content.size);
    let answer: Response;
    try {
      answer = await this.#fetch(target, {
        method,
        headers: sent,
        // What `encodeValue` makes is never shared memory.
        ...(body === undefined ? {} : { body: body as NonNullable<RequestInit["body"]> }),
        ...(isStream ? { duplex: "half" } : {}),
        signal: signal ? AbortSignal.any([signal, late.signal]) : late.signal,
        redirect: "manual",
      });
    } catch (cause) {
      if (signal?.aborted) throw interrupted(cause);
      if (content?.failure !== undefined) throw content.failure;
      if (late.signal.aborted) {
        const error = silent(this.url, silenceMs);
        if (patienceMs === undefined) throw error;
        return { error };
      }
      return { error: unreachable(this.url, cause) };
    } finally {
      clearTimeout(timer);
      timer = undefined;
    }
    if (!isRedirect(answer)) return { answer };
    await answer.body?.cancel();
    throw redirected(this.url, answer);
  }

  /** Throws `USAGE` for a token that no header can hold; `fetch` would quote it in its error. */
  async #authorization(): Promise<{ authorization?: string }> {
    const token = typeof this.#token === "function" ? await this.#token() : this.#token;
    if (token === undefined || token === "") return {};
    if (/^\s*[\x21-\x7e]+\s*$/.test(token)) return { authorization: `Bearer ${token.trim()}` };
    throw new ReachError("USAGE", "the token cannot be sent", {
      hint: "it should be one word of ASCII characters, as `reach token create` printed it",
    });
  }

  async #bytesOf({ body }: Response, asking: Asking): Promise<Uint8Array> {
    if (!body) return new Uint8Array(0);
    const { signal, silenceMs = this.silenceMs } = asking;
    const whole = new Response(namedBreaks(this.url, body, { signal, silenceMs }));
    return new Uint8Array(await whole.arrayBuffer());
  }

  /** What the server says is wrong; an answer of somebody else is named by its status. */
  async #errorOf(answer: Response, asking: Asking): Promise<ReachError> {
    const { status } = answer;
    let problem: unknown;
    try {
      problem = JSON.parse(new TextDecoder().decode(await this.#bytesOf(answer, asking)));
    } catch {
      // No problem document: a proxy, or another server.
    }
    const { code, detail, where, hint } = textsOf(problem);
    const known = errorCodes.find((one) => one === code) ?? codeOfStatus(status);
    const asked = askedMs(answer);
    const later = asked > 0 ? `it asks to be asked again in ${asked / 1000} s` : undefined;
    return new ReachError(known, detail ?? `the server answers ${status}`, {
      ...(where === undefined ? {} : { where }),
      ...definedHint(hint ?? later),
    });
  }
}

function definedHint(hint: string | undefined): { hint?: string } {
  return hint === undefined ? {} : { hint };
}

/** The members of a problem document that are texts. */
function textsOf(problem: unknown): Partial<Record<keyof ProblemInfo, string>> {
  if (typeof problem !== "object" || problem === null) return {};
  const texts = Object.entries(problem).filter(([, text]) => typeof text === "string" && text);
  return Object.fromEntries(texts);
}

/** Browsers do not tell where to. */
function isRedirect({ status, type }: Response): boolean {
  return type === "opaqueredirect" || (status >= 300 && status < 400 && status !== 304);
}

function redirected(url: string, answer: Response): ReachError {
  const place = answer.headers.get("location") ?? "another place";
  return new ReachError("USAGE", `${url} sends to ${place}`, {
    hint: "name that one, if it is the server you mean: nothing is sent there by itself",
  });
}

/** Milliseconds for which the server asks to be left alone. */
function askedMs(answer: Response | undefined): number {
  const asked = Number(answer?.headers.get("retry-after") ?? 0) * 1000;
  return asked > 0 ? asked : 0;
}

function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") {
    return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
  }
  throw new ReachError("USAGE", `${text} is no URL of a server`, {
    hint: "it begins with http:// or https://",
  });
}

/** An error for a request that was called off. */
export function interrupted(cause: unknown): ReachError {
  return new ReachError("INTERRUPTED", "the request was called off", { cause });
}

const servingHint = "does `reach serve` run there?";

function unreachable(url: string, cause: unknown): ReachError {
  const message = `${url} cannot be reached: ${reasonOf(cause)}`;
  return new ReachError("UNAVAILABLE", message, { cause, hint: servingHint });
}

function silent(url: string, ms: number): ReachError {
  return new ReachError("UNAVAILABLE", `${url} has said nothing for ${ms / 1000} s`, {
    cause: silence,
    hint: "it hangs, has too much to do, or something on the way there does",
  });
}

function isSilence(error: unknown): boolean {
  return error instanceof Error && error.cause === silence;
}

/** The error for what answers otherwise than a server of Reach. */
export function stranger(url: string, how: string, cause?: unknown): ReachError {
  return new ReachError("UNAVAILABLE", `${url} ${how}`, { cause, hint: servingHint });
}

/**
 * A body as it arrives, of which a connection that breaks is `UNAVAILABLE`, and so is one that says
 * nothing for `silenceMs` while somebody waits for it.
 */
export function namedBreaks(
  url: string,
  body: ReadableStream<Uint8Array>,
  { signal, silenceMs }: { readonly signal: AbortSignal | undefined; readonly silenceMs: number },
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream({
    async pull(stream) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<never>((_, reject) => {
        const giveUp = (): void => reject(silent(url, silenceMs));
        timer = setTimeout(giveUp, Math.min(silenceMs, timerMsMax));
      });
      try {
        const { done, value } = await Promise.race([reader.read(), late]);
        if (done) stream.close();
        else stream.enqueue(value);
      } catch (cause) {
        stream.error(isSilence(cause) ? cause : brokenOff(url, cause, signal));
        reader.cancel(cause).catch(() => {});
      } finally {
        clearTimeout(timer);
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

/** The error for a body that ended too early; `INTERRUPTED` where the caller called it off. */
function brokenOff(url: string, cause: unknown, signal: AbortSignal | undefined): ReachError {
  if (signal?.aborted) return interrupted(cause);
  const message = `the connection to ${url} broke inside of an answer: ${reasonOf(cause)}`;
  return new ReachError("UNAVAILABLE", message, { cause, hint: servingHint });
}

/** `fetch` says that it failed, and why only in the cause. */
function reasonOf(error: unknown): string {
  return messageOf(error instanceof Error ? (error.cause ?? error) : error);
}

function codeOfStatus(status: number): ErrorCode {
  if (status === 401) return "UNAUTHENTICATED";
  if (status === 403) return "FORBIDDEN";
  if (status === 404) return "NOT_FOUND";
  if (status === 408) return "UNAVAILABLE";
  if (status === 410) return "GONE";
  if (status === 413) return "REQUEST_TOO_LARGE";
  if (status === 429) return "RATE_LIMITED";
  return status >= 500 ? "UNAVAILABLE" : "REQUEST_INVALID";
}

/** Twice as long each time, a little at random, and at least what the server asks for. */
export function pauseFor(attempt: number, askedMs = 0, random = Math.random): number {
  const grown = Math.min(firstPauseMs * 2 ** (attempt - 1), pauseMsMax);
  return Math.max(grown * (0.5 + random() / 2), askedMs);
}

/** Resolves after a while. Throws `INTERRUPTED` when `signal` is aborted. */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done);
    if (signal?.aborted) done();
  });
  if (signal?.aborted) throw interrupted(signal.reason);
}

/** Whether an error passes by itself. */
export function isPassing(error: unknown): boolean {
  const code = codeOf(error);
  return code === "UNAVAILABLE" || code === "OVERLOADED" || code === "RATE_LIMITED";
}
