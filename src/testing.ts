/**
 * The public entry "reach-replay/testing": a stored session as a test. The session is run again
 * with the code of today, its effects are answered from the log, and the test fails with the
 * report when the code does something else.
 *
 *   import { test } from "vitest";
 *   import { replays } from "reach-replay/testing";
 *   test("the incident of March", replays("fixtures/march.bundle", { program: "src/agent.ts" }));
 */
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { codeOf, messageOf, ReachError, type SessionId } from "./base/index.ts";
import { type ClientOptions, ReachClient } from "./client/index.ts";
import { Rerun, type RerunReport } from "./recorder/index.ts";
import type { SessionRecorder } from "./recording/index.ts";
import {
  type Divergence,
  type OperationDivergence,
  renderDivergence,
  renderOperationDivergence,
} from "./replay/index.ts";
import { programFor, type ReplayReport, replaySession } from "./runtime/index.ts";
import { Directory, importBundle } from "./session/index.ts";

export type { RerunReport } from "./recorder/index.ts";
export type { RecordedCall, SessionRecorder } from "./recording/index.ts";
export type { ReplayReport } from "./runtime/index.ts";

/** A session in a data directory. */
export interface StoredSession {
  /** The folder, `./.reach` by convention. */
  readonly data: string;
  readonly id: SessionId;
  /** Default `default`. */
  readonly workspace?: string;
}

/** A session of a server, which is fetched as a bundle: how it is reached, or by which client. */
export type ServedSession = { readonly id: SessionId } & (
  | Pick<ClientOptions, "url" | "token">
  | { readonly client: Pick<ReachClient, "saveBundle"> }
);

/** What is run again: the path of a bundle, a session in a data directory, or one of a server. */
export type SessionSource = string | StoredSession | ServedSession;

/** How the session is run again. */
export interface ReplaysOptions {
  /** File of the program: the code under test. Default: the code that the session was run with. */
  readonly program?: string;
  /** Key that the bundle must be signed by (a C2SP vkey). Default: its own. */
  readonly verifierKey?: string;
  /** Begins every step in a fresh context. Default true: a test has the time. */
  readonly strict?: boolean;
}

/** Most runners give a test five seconds; the report of a divergence should come before. */
const rerunPatienceMs = 3000;

/** How code that recorded itself is run again. */
export interface RerunsOptions {
  /** Key that the bundle must be signed by (a C2SP vkey). Default: its own. */
  readonly verifierKey?: string;
  /** How long the code may do nothing while it is waited for, in milliseconds. Default 3,000. */
  readonly patienceMs?: number;
}

/**
 * A test that passes when the session comes out again. `source` is the path of a bundle
 * (`reach export ID --format bundle`), relative to the working directory, a stored session, or one
 * of a server. For any runner that takes a function: vitest, node:test. Fails with `DIVERGED` and
 * the report, with `CORRUPT` or `BUNDLE_INVALID` when the session is not what was signed, with
 * `PROGRAM_INVALID` when the session was executed and the code cannot be, and with `USAGE` when
 * there was nothing to compare the code with: such a test would pass whatever it does.
 */
export function replays(source: SessionSource, options: ReplaysOptions = {}): () => Promise<void> {
  return async () => {
    const report = await replayOf(source, options);
    if (report.verdict === "corrupt") {
      throw new ReachError("CORRUPT", report.problem?.message ?? "the session is damaged");
    }
    const { divergence } = report;
    if (report.verdict === "computed") throw nothingCompared(report);
    if (divergence === null) return;
    throw diverged(divergence);
  };
}

/**
 * A test that passes when code which recorded itself does the same again: it is given a rerun
 * instead of a recording, and no effect is run. Fails with `DIVERGED` and the report, also where
 * the code catches that; with what the code throws; and for a bad source as `replays` does. One of
 * a server fails with `UNAVAILABLE`, `UNAUTHENTICATED`, `FORBIDDEN`, `NOT_FOUND` as a client does.
 *
 *   test("the incident", reruns("incident.bundle", (session) => agent(session)));
 *   test("of last night", reruns({ url, token, id }, (session) => agent(session)));
 */
export function reruns(
  source: SessionSource,
  code: (session: SessionRecorder) => unknown,
  options: RerunsOptions = {},
): () => Promise<void> {
  return async () => {
    const { divergence } = await rerunOf(source, code, options);
    if (divergence) throw diverged(divergence);
  };
}

/**
 * Runs code again that recorded itself; the whole report, for tests that look closer. Throws as
 * `reruns` does, apart from what the report says.
 */
export function rerunOf(
  source: SessionSource,
  code: (session: SessionRecorder) => unknown,
  { verifierKey, patienceMs = rerunPatienceMs }: RerunsOptions = {},
): Promise<RerunReport> {
  return withSession(source, verifierKey, async (directory, id) => {
    const reader = directory.session(id);
    if (reader.manifest.kind === "executed") {
      reader.close();
      throw new ReachError("USAGE", `a program ran session ${id}, it did not record itself`, {
        hint: "`replays` is for programs",
      });
    }
    const session = new Rerun(reader, { patienceMs });
    const [outcome] = await Promise.allSettled([(async () => code(session))()]);
    const report = await session.close();
    if (outcome.status === "rejected" && !report.divergence) throw outcome.reason;
    return report;
  });
}

function diverged(divergence: Divergence | OperationDivergence): ReachError {
  const text =
    divergence.about === "state"
      ? renderDivergence(divergence)
      : renderOperationDivergence(divergence);
  return new ReachError("DIVERGED", `the session was not replayed\n${text}`, {
    hint: divergence.cause.text,
  });
}

function nothingCompared({ program, operations }: ReplayReport): ReachError {
  const code = `${program.name} ${program.version}`;
  const why = operations
    ? "the session has not made anything yet"
    : `no state was kept that ${code} came to, and only executed sessions say what is to be made`;
  return new ReachError("USAGE", `nothing was compared: ${why}`, {
    hint: operations
      ? "take a session that has gone further"
      : "test code that recorded itself with `reruns`; for a reducer keep states with " +
        "`reach replay`, and test the session in its data directory",
  });
}

/**
 * Replays a session or a bundle; the whole report, for tests that look closer. Throws as `replays`
 * does, apart from what the report says.
 */
export function replayOf(
  source: SessionSource,
  options: ReplaysOptions = {},
): Promise<ReplayReport> {
  return withSession(source, options.verifierKey, (directory, id) => {
    return replayIn(directory, id, options);
  });
}

/** Opens what a test names. */
async function withSession<Result>(
  source: SessionSource,
  verifierKey: string | undefined,
  use: (directory: Directory, id: SessionId) => Promise<Result>,
): Promise<Result> {
  if (typeof source === "string") return withBundle(source, verifierKey, use);
  if (!("data" in source)) return withServed(source, verifierKey, use);
  const { data, id, workspace = "default" } = source;
  const directory = await Directory.open({ path: path.join(data, workspace), mode: "read" });
  try {
    return await use(directory, id);
  } finally {
    await directory.close();
  }
}

/** A bundle is verified as it is taken into a folder of its own, which goes when it is done. */
async function withBundle<Result>(
  file: string,
  verifierKey: string | undefined,
  use: (directory: Directory, id: SessionId) => Promise<Result>,
): Promise<Result> {
  const where = path.resolve(file);
  await stat(where).catch((cause: unknown) => {
    throw new ReachError("NOT_FOUND", `there is no bundle ${file}`, { where, cause });
  });
  return inFolder((folder) => takenIn(folder, file, verifierKey, use));
}

/** What a server sends is verified as a bundle is, and has to be the session that was asked for. */
function withServed<Result>(
  source: ServedSession,
  verifierKey: string | undefined,
  use: (directory: Directory, id: SessionId) => Promise<Result>,
): Promise<Result> {
  const { id } = source;
  const client = "client" in source ? source.client : new ReachClient(source);
  return inFolder(async (folder) => {
    const file = path.join(folder, "session.bundle");
    await client.saveBundle(id, (body) => writeFile(file, body));
    return takenIn(folder, file, verifierKey, async (directory, found) => {
      if (found === id) return use(directory, id);
      throw new ReachError("CORRUPT", `the server sent session ${found}, not ${id}`, { where: id });
    });
  });
}

async function inFolder<Result>(use: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(path.join(tmpdir(), "reach-test-"));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function takenIn<Result>(
  folder: string,
  file: string,
  verifierKey: string | undefined,
  use: (directory: Directory, id: SessionId) => Promise<Result>,
): Promise<Result> {
  const where = path.resolve(file);
  const directory = await Directory.open({ path: path.join(folder, "default"), mode: "write" });
  try {
    const key = verifierKey === undefined ? {} : { verifierKey };
    const { id } = await importBundle(directory, where, key).catch((error: unknown) => {
      throw ofBundle(file, where, error);
    });
    return await use(directory, id);
  } finally {
    await directory.close();
  }
}

/** What is wrong with a bundle says of which: tests have many. */
function ofBundle(file: string, where: string, error: unknown): unknown {
  if (codeOf(error) !== "BUNDLE_INVALID") return error;
  const { hint } = error as ReachError;
  return new ReachError("BUNDLE_INVALID", `the bundle ${file}: ${messageOf(error)}`, {
    where,
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}

async function replayIn(
  directory: Directory,
  id: SessionId,
  { program: spec, strict = true }: ReplaysOptions,
): Promise<ReplayReport> {
  const program = await programFor(directory, id, spec);
  const session = directory.session(id);
  session.close();
  if (session.manifest.kind === "executed" && !program.hasStep) {
    const where = spec ?? program.where;
    throw new ReachError("PROGRAM_INVALID", `the program in ${where} has no \`step\``, {
      where,
      hint: "the session was executed: without a step nothing of it can be run again",
    });
  }
  return replaySession(directory, id, { program, strict, workers: 1 });
}
