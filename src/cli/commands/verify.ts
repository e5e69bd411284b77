/**
 * `reach verify`: whether what is here is what was written, and whether something was cut off. Of
 * sessions in the data directory, or of a bundle file, which needs no data directory.
 */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as WebStream } from "node:stream/web";
import type { Command } from "commander";
import { codeOf, ReachError, type SessionId } from "../../base/index.ts";
import type { ReachClient } from "../../client/index.ts";
import {
  bundlePieces,
  type Directory,
  type VerifyReport,
  verifyBundle,
  verifySession,
} from "../../session/index.ts";
import { namesBundle } from "../bundle-file.ts";
import type { CommandDefinition } from "../command.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { type Interruption, interruption } from "../interrupt.ts";
import type { Invocation } from "../invocation.ts";
import type { Output } from "../output.ts";
import { fileError } from "../output-file.ts";
import { remoteOf, resolveRemote } from "../remote.ts";
import { resolveSession, withReader } from "../sessions.ts";
import { checkKey } from "../verifier-key.ts";
import { verdictWords, verifyExitCode, verifyLines } from "../verify-text.ts";

interface VerifyFlags {
  readonly key?: string;
  readonly all?: boolean;
}

/** `reach verify`. */
export const verifyCommand: CommandDefinition = {
  examples: [
    ["reach verify 0199c1f2", "a session of the data directory"],
    ["reach verify --all", "every session"],
    ["reach verify run.bundle --key reach.local+5ab3c0de+AbCd…", "offline, with a key you trust"],
  ],
  notes: [
    "Two verdicts: integrity (intact or damaged: is what is here what was written?) and " +
      "completeness (complete, incomplete or unsigned: is something cut off after the newest " +
      "signed checkpoint?). Damaged or incomplete: exit 4. What the program does with the events " +
      "is another question, for `reach replay`.",
    "Without --key a bundle is checked with the key that it brings along, which proves that it " +
      "is consistent, not whose it is. `reach doctor` prints the key of a data directory. " +
      "`reach events` shows what is in a bundle, after the same check.",
    "With --url the session is fetched as a bundle and verified here: that it is the one that " +
      "was asked for, and intact. Without --key the key that the server sends along is believed.",
    'With --json: {"verified": [{"id", "integrity", "completeness", "problems", ...}]}.',
  ],
  configure(command: Command, start) {
    command
      .argument("[id or bundle...]", "sessions by id, or files that hold bundles")
      .option("--all", "every session of the data directory")
      .option("--key <key>", "verifier key (C2SP vkey) that has to have signed")
      .action((targets: string[], flags: VerifyFlags) => {
        return start((invocation) => verifyAll(invocation, targets, flags));
      });
  },
};

/** The report about one target. */
interface Verified {
  readonly target: string;
  readonly report: VerifyReport;
}

async function verifyAll(
  invocation: Invocation,
  targets: readonly string[],
  flags: VerifyFlags,
): Promise<ExitCode> {
  const { output } = invocation;
  checkFlags(targets, flags);
  const stop = interruption(() => {});
  const verified: Verified[] = [];
  const tell = async (one: Verified, single: boolean): Promise<void> => {
    verified.push(one);
    if (output.json) return;
    if (output.quiet) await output.print(verdictWords(one.report));
    else {
      const heading = single ? [] : [output.style("bold", one.target)];
      await output.print(...heading, ...verifyLines(one.report, output));
    }
  };
  try {
    const bundles = targets.filter(namesBundle);
    const ids = targets.filter((target) => !bundles.includes(target));
    const single = !flags.all && targets.length === 1;
    const each: Each = async (named, all, check) => {
      for (const id of new Set([...named, ...all])) {
        const one = await unlessRemoved(output, named.includes(id), id, check);
        if (one) await tell(one, single);
      }
    };
    for (const bundle of bundles) {
      await tell(await checkBundle(invocation, bundle, flags, stop), single);
    }
    if (flags.all || ids.length > 0) await verifySessions(invocation, ids, flags, stop, each);
  } catch (error) {
    // What has been verified is known, whatever ends the rest.
    if (verified.length > 0) await tellAll(output, verified);
    throw error;
  } finally {
    stop.end();
  }
  await tellAll(output, verified);
  const codes = verified.map(({ report }) => verifyExitCode(report));
  return stop.exitCode ?? codes.find((code) => code !== exitCodes.ok) ?? exitCodes.ok;
}

/** Checks sessions one after the other: those that were named, and all others that are there. */
type Each = (
  named: readonly SessionId[],
  all: readonly SessionId[],
  check: (id: SessionId) => Promise<Verified>,
) => Promise<void>;

/** Of the data directory, or of a server. */
async function verifySessions(
  invocation: Invocation,
  texts: readonly string[],
  flags: VerifyFlags,
  stop: Interruption,
  each: Each,
): Promise<void> {
  const client = remoteOf(invocation);
  if (client) {
    const named: SessionId[] = [];
    for (const text of texts) named.push(await resolveRemote(client, text));
    const all: SessionId[] = [];
    if (flags.all) for await (const { id } of client.sessions()) all.push(id);
    await each(named, all, (id) => checkRemote(invocation, client, id, flags, stop));
    return;
  }
  await withReader(invocation, async (directory) => {
    const named = texts.map((text) => resolveSession(directory, text));
    const all = flags.all ? directory.sessionIds() : [];
    await each(named, all, (id) => checkSession(invocation, directory, id, flags, stop));
    if (flags.all && all.length === 0) invocation.output.note("there are no sessions");
  });
}

/** With --all a session that was there a moment ago may have been removed, which is no failure. */
async function unlessRemoved(
  output: Output,
  named: boolean,
  id: SessionId,
  check: (id: SessionId) => Promise<Verified>,
): Promise<Verified | undefined> {
  try {
    return await check(id);
  } catch (error) {
    if (named || codeOf(error) !== "GONE") throw error;
    output.note(`session ${id} was removed meanwhile`);
    return undefined;
  }
}

async function tellAll(output: Output, verified: readonly Verified[]): Promise<void> {
  if (!output.json) return;
  await output.printObject({
    verified: verified.map(({ target, report }) => ({ target, ...report })),
  });
}

/** Fetches the session as a bundle and verifies that here: the server's word counts for nothing. */
async function checkRemote(
  invocation: Invocation,
  client: ReachClient,
  id: string,
  { key }: VerifyFlags,
  stop: Interruption,
): Promise<Verified> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "reach-verify-"));
  try {
    const file = path.join(folder, `${id}.bundle`);
    await client.saveBundle(id, (body) => writeBody(file, body), stop.signal);
    const { report } = await checkBundle(invocation, file, key === undefined ? {} : { key }, stop);
    // The same key signs every session of the server: a good signature does not say which one.
    if (report.id !== id) throw anotherSession(id, report.id);
    return { target: id, report };
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** Writes from the beginning, also where it has begun before. */
async function writeBody(file: string, body: ReadableStream<Uint8Array>): Promise<void> {
  try {
    await pipeline(Readable.fromWeb(body as WebStream), fs.createWriteStream(file));
  } catch (error) {
    throw fileError(error, file);
  }
}

function anotherSession(id: string, found: string): ReachError {
  return new ReachError("BUNDLE_INVALID", `the server sent session ${found}, not ${id}`, {
    where: id,
    hint: "do not trust what it says of this session",
  });
}

function checkFlags(targets: readonly string[], { all, key }: VerifyFlags): void {
  if (targets.length === 0 && !all) {
    throw new ReachError("USAGE", "nothing to verify is named", {
      hint: "give ids or bundle files, or --all for every session",
    });
  }
  checkKey(key);
}

async function checkBundle(
  invocation: Invocation,
  file: string,
  { key }: VerifyFlags,
  { signal }: Interruption,
): Promise<Verified> {
  const progress = invocation.progress("verifying");
  try {
    const report = await verifyBundle(bundlePieces(file), {
      ...(key === undefined ? {} : { verifierKey: key }),
      onProgress: progress.update,
      signal,
    });
    return { target: file, report };
  } finally {
    progress.clear();
  }
}

async function checkSession(
  invocation: Invocation,
  directory: Directory,
  id: string,
  { key }: VerifyFlags,
  { signal }: Interruption,
): Promise<Verified> {
  const progress = invocation.progress("verifying");
  try {
    const report = await verifySession(directory, id, {
      ...(key === undefined ? {} : { verifierKey: key }),
      onProgress: progress.update,
      signal,
    });
    return { target: id, report };
  } finally {
    progress.clear();
  }
}
