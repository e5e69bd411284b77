/**
 * Requests to a server: the token, the answers that are errors, and trying again what may be sent
 * twice, also when the connection breaks inside of an answer, with growing pauses and for as long
 * as the server asks.
 */
import { codeOf, type ErrorCode, errorCodes, messageOf, ReachError } from "../base/index.ts";
import type { ProblemInfo } from "./answers.ts";

/** How a server is reached. */
export interface ClientOptions {
  /** `https://reach.example`: what the paths `/v1/…` are under. */
  readonly url: string;
  /** Sent with every request; a function is asked each time. */
  readonly token?: string | (() => string | Promise<string>) | undefined;
  /** Tries of a request that may be sent twice; default 5. */
  readonly attempts?: number;
  /** Instead of the global `fetch`: a proxy, an agent of one's own, a test. */
  readonly fetch?: typeof fetch;
}

/** One request. */
export interface Asking {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE" | "HEAD";
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  /** Whether it may be sent again; default: for `GET` and `HEAD`. */
  readonly again?: boolean;
}

/** An answer that has arrived. */
export interface WholeAnswer {
  readonly headers: Headers;
  readonly bytes: Uint8Array;
}

const attemptsDefault = 5;
const firstPauseMs = 100;
const pauseMsMax = 5000;
const passing: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** Sends requests to one server. */
export class Requests {
  readonly url: string;
  readonly #token: ClientOptions["token"];
  readonly #attempts: number;
  readonly #fetch: typeof fetch;

  /** Throws `USAGE` for a URL that is none. */
  constructor({ url, token, attempts = attemptsDefault, fetch = globalThis.fetch }: ClientOptions) {
    this.url = checkedUrl(url);
    this.#token = token;
    this.#attempts = Math.max(attempts, 1);
    this.#fetch = fetch;
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
      try {
        return { headers: answer.headers, bytes: new Uint8Array(await answer.arrayBuffer()) };
      } catch (cause) {
        throw brokenOff(this.url, cause, asking.signal);
      }
    });
  }

  /** The JSON of the answer. Throws as `whole`, and `UNAVAILABLE` for what is no JSON. */
  async json<Answer>(path: string, asking: Asking = {}): Promise<Answer> {
    const headers = { accept: "application/json", ...asking.headers };
    const { bytes } = await this.whole(path, { ...asking, headers });
    try {
      return JSON.parse(new TextDecoder().decode(bytes)) as Answer;
    } catch (cause) {
      throw new ReachError("UNAVAILABLE", `${this.url} answers what is no JSON`, {
        cause,
        hint: servingHint,
      });
    }
  }

  /**
   * What `use` makes of the answer. Where it throws what passes by itself, the request is sent
   * again, as when there had been no answer.
   */
  async take<Result>(
    path: string,
    asking: Asking,
    use: (answer: Response) => Promise<Result>,
  ): Promise<Result> {
    const { method = "GET", signal } = asking;
    const again = asking.again ?? (method === "GET" || method === "HEAD");
    const attempts = again ? this.#attempts : 1;
    for (let attempt = 1; ; attempt++) {
      const { answer, error } = await this.#try(path, asking);
      if (answer?.ok || answer?.status === 304) {
        try {
          return await use(answer);
        } catch (failure) {
          if (!isPassing(failure) || attempt >= attempts) throw failure;
        }
      } else {
        const lasting = answer !== undefined && !passing.has(answer.status);
        if (lasting || attempt >= attempts) throw answer ? await errorOf(answer) : error;
        await answer?.body?.cancel();
      }
      await pause(pauseFor(attempt, answer?.headers.get("retry-after")), signal);
    }
  }

  async #try(
    path: string,
    { method = "GET", query = {}, headers = {}, body, signal }: Asking,
  ): Promise<{ answer?: Response; error?: ReachError }> {
    const target = new URL(this.url + path);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) target.searchParams.set(name, String(value));
    }
    const sent: Record<string, string> = { ...headers };
    const token = typeof this.#token === "function" ? await this.#token() : this.#token;
    if (token !== undefined && token !== "") sent["authorization"] = `Bearer ${token}`;
    if (body !== undefined) sent["content-type"] = "application/json";
    try {
      const answer = await this.#fetch(target, {
        method,
        headers: sent,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal ? { signal } : {}),
        redirect: "error",
      });
      return { answer };
    } catch (cause) {
      if (signal?.aborted) throw interrupted(cause);
      return { error: unreachable(this.url, cause) };
    }
  }
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

/** A body as it arrives, of which a connection that breaks is `UNAVAILABLE`. */
export function namedBreaks(
  url: string,
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal | undefined,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream({
    async pull(stream) {
      try {
        const { done, value } = await reader.read();
        if (done) stream.close();
        else stream.enqueue(value);
      } catch (cause) {
        stream.error(brokenOff(url, cause, signal));
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

/** What the server says is wrong; an answer of somebody else is named by its status. */
async function errorOf(answer: Response): Promise<ReachError> {
  const { status } = answer;
  let problem: Partial<ProblemInfo> = {};
  try {
    problem = (await answer.json()) as ProblemInfo;
  } catch {
    // No problem document: a proxy, or another server.
  }
  const { code, detail, where, hint } = problem;
  const known = errorCodes.find((one) => one === code) ?? codeOfStatus(status);
  return new ReachError(known, detail ?? `the server answers ${status}`, {
    ...(where === undefined ? {} : { where }),
    ...(hint === undefined ? {} : { hint }),
  });
}

function codeOfStatus(status: number): ErrorCode {
  if (status === 401) return "UNAUTHENTICATED";
  if (status === 403) return "FORBIDDEN";
  if (status === 404) return "NOT_FOUND";
  if (status === 410) return "GONE";
  if (status === 429) return "RATE_LIMITED";
  return status >= 500 ? "UNAVAILABLE" : "REQUEST_INVALID";
}

/** Twice as long each time, a little at random, and at least what the server asks for. */
export function pauseFor(
  attempt: number,
  retryAfter?: string | null,
  random = Math.random,
): number {
  const grown = Math.min(firstPauseMs * 2 ** (attempt - 1), pauseMsMax);
  const asked = Number(retryAfter ?? 0) * 1000;
  return Math.max(grown * (0.5 + random() / 2), Number.isFinite(asked) ? asked : 0);
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
