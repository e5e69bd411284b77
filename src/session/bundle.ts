/**
 * Reading a bundle, wherever its bytes come from: verifying it offline, without a data directory,
 * and the loop that importing shares with that. One pass; memory is bounded by the window of
 * `chunk-window.ts` and by the names of the payloads; nothing is written anywhere. Free of Node, so
 * that a browser verifies with the same code.
 */
import {
  codeOf,
  messageOf,
  nextTurn,
  ReachError,
  sessionIdBytes,
  sha256Stream,
  toHex,
} from "../base/index.ts";
import type { Verifier } from "../merkle/index.ts";
import { BundleBytes } from "./bundle-bytes.ts";
import { BundleCheck, type BundleTarget } from "./bundle-check.ts";
import {
  bundleError,
  bundleHeaderBytes,
  decodeBundleHeader,
  readSectionHeader,
  sectionHeaderBytes,
  sectionHolds,
  sectionKinds,
  sectionOrder,
} from "./bundle-format.ts";
import { verifierOf } from "./verifier.ts";
import type { Progress, VerifyProblem, VerifyReport } from "./verify-report.ts";

/** How a bundle is verified. */
export interface BundleVerifyOptions {
  /**
   * C2SP vkey that has to have signed. Without it the key that the bundle brings along counts,
   * which proves that the bundle is consistent, and not whose it is.
   */
  readonly verifierKey?: string;
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

/** What verifying a bundle found. */
export interface BundleReport extends VerifyReport {
  /** Whether the key was given, or is the one that the bundle brought along. */
  readonly keyFrom: "given" | "bundle";
  /** C2SP vkey of the directory that the bundle comes from, as it says; `null` if it does not. */
  readonly verifierKey: string | null;
  readonly origin: string | null;
  /** What the session is called, and when it began (ms since the epoch). */
  readonly name: string | null;
  readonly created: number | null;
  /** Who signed the bundle as a whole; `null`: events behind the checkpoint are unsigned. */
  readonly exportedBy: string | null;
  /** Events that it withholds: only the hashes of their leaves are there, and not in `events`. */
  readonly withheld: number;
  /** Bytes of the bundle that were read. */
  readonly bytes: number;
}

const turnMs = 25;
/**
 * Verifies a bundle: its bytes in order, in pieces of any size. What is wrong is in the report.
 * Throws `BUNDLE_INVALID` only for what is no bundle at all, `FORMAT_UNSUPPORTED` for one of a
 * later version, `INTERRUPTED`, and what reading the source throws.
 */
export async function verifyBundle(
  source: AsyncIterable<Uint8Array>,
  options: BundleVerifyOptions = {},
): Promise<BundleReport> {
  return verifyInto(source, undefined, options);
}

/** The same, and a target hears what the bundle holds. */
export async function verifyInto(
  source: AsyncIterable<Uint8Array>,
  target: BundleTarget | undefined,
  options: BundleVerifyOptions,
): Promise<BundleReport> {
  const started = performance.now();
  const given = options.verifierKey === undefined ? undefined : verifierOf(options.verifierKey);
  const { check, bytes } = await readBundle(source, given, target, options);
  return bundleReport(check, given, bytes, started);
}

/**
 * Reads a bundle to its end or to where it cannot be understood. A target gets what it holds on the
 * way; for one that keeps it, the first problem is thrown.
 */
export async function readBundle(
  source: AsyncIterable<Uint8Array>,
  given: Verifier | undefined,
  target: BundleTarget | undefined,
  options: BundleVerifyOptions,
): Promise<{ readonly check: BundleCheck; readonly bytes: number }> {
  const bytes = new BundleBytes(source);
  const strict = target?.keeps === true;
  try {
    const header = await bytes.take(bundleHeaderBytes);
    const check = new BundleCheck(decodeBundleHeader(header), given, target);
    try {
      await new BundleWalk(bytes, check, options, strict).run(header);
      check.finish(true);
    } catch (error) {
      if (strict || codeOf(error) !== "BUNDLE_INVALID") throw error;
      noteBroken(check, bytes.offset, error);
      check.finish(false);
    }
    if (strict) refuse(check);
    return { check, bytes: bytes.offset };
  } finally {
    await bytes.close();
  }
}

/** From here on the bundle cannot be understood: the events that should follow are not verified. */
function noteBroken(check: BundleCheck, offset: number, error: unknown): void {
  const place = `bundle, before byte ${offset}`;
  const announced = check.hasHead ? check.head.events : check.events + 1;
  if (announced <= check.events) check.problems.add(place, messageOf(error));
  else {
    // Those that were signed are counted as missing.
    const unsigned = announced - Math.max(check.events, check.claims.size);
    check.problems.event(check.events, place, messageOf(error), Math.max(unsigned, 0));
  }
}

/** The first of `count` problems, and how many more there are. */
export function problemsText([first]: readonly VerifyProblem[], count: number): string {
  const more = count > 2 ? ` (and ${count - 1} more problems)` : count > 1 ? " (and one more)" : "";
  return first ? `${first.where}: ${first.message}${more}` : "";
}

/** Throws the first problem of a bundle that is being imported. */
function refuse({ problems }: BundleCheck): void {
  if (!problems.damaged) return;
  throw new ReachError("BUNDLE_INVALID", problemsText(problems.first, problems.count), {
    hint: "nothing has been imported; ask for another copy of the bundle",
  });
}

/** Walks through the sections of one bundle. */
class BundleWalk {
  readonly #bytes: BundleBytes;
  readonly #check: BundleCheck;
  readonly #options: BundleVerifyOptions;
  readonly #strict: boolean;
  readonly #hash = sha256Stream();
  #order = 0;
  #turned = performance.now();

  constructor(
    bytes: BundleBytes,
    check: BundleCheck,
    options: BundleVerifyOptions,
    strict: boolean,
  ) {
    this.#bytes = bytes;
    this.#check = check;
    this.#options = options;
    this.#strict = strict;
  }

  async run(bundleHeader: Uint8Array): Promise<void> {
    const identity = sessionIdBytes(this.#check.id);
    this.#hash.update(bundleHeader);
    for (;;) {
      const offset = this.#bytes.offset;
      const header = await this.#bytes.take(sectionHeaderBytes);
      const section = header.length === sectionHeaderBytes ? readSectionHeader(header) : undefined;
      if (!section) throw bundleError(header.length === 0 ? "it is cut off" : "it is damaged");
      const content = await this.#bytes.take(section.size);
      if (content.length < section.size) throw bundleError("it is cut off");
      if (!sectionHolds(header, content, identity, offset)) throw bundleError("it is damaged");
      this.#follow(sectionOrder(section.kind));
      if (section.kind === sectionKinds.trailer) {
        await this.#check.trailer(content, offset, this.#hash.digest());
        break;
      }
      this.#hash.update(header);
      this.#hash.update(content);
      await this.#check.section(section.kind, content, () => this.#turn());
      if (this.#strict) refuse(this.#check);
      await this.#turn();
    }
    if ((await this.#bytes.take(1)).length > 0) throw bundleError("something follows its end");
    this.#progress();
  }

  /** Sections stand in order, and the head alone stands first. */
  #follow(order: number): void {
    const first = this.#order === 0;
    const fits = first ? order === sectionKinds.head : order >= this.#order;
    if (!fits) throw bundleError("its parts are not in order");
    this.#order = order;
  }

  async #turn(): Promise<void> {
    if (this.#options.signal?.aborted) {
      throw new ReachError("INTERRUPTED", "reading the bundle was interrupted");
    }
    if (performance.now() - this.#turned < turnMs) return;
    await nextTurn();
    this.#progress();
    this.#turned = performance.now();
  }

  #progress(): void {
    this.#options.onProgress?.({ done: this.#bytes.offset, total: null, unit: "bytes" });
  }
}

/** The report about a bundle that has been read. */
export function bundleReport(
  check: BundleCheck,
  given: Verifier | undefined,
  bytes: number,
  started: number,
): BundleReport {
  const { problems, claims } = check;
  const head = check.hasHead ? check.head : undefined;
  const { newest, verified } = claims;
  return {
    id: check.id,
    events: check.intact,
    root: toHex(check.root),
    integrity: problems.damaged ? "damaged" : "intact",
    completeness: problems.incomplete ? "incomplete" : newest ? "complete" : "unknown",
    signedSize: newest?.size ?? null,
    signedBy: newest?.signedBy ?? null,
    checkpoints: verified,
    blobs: { count: check.payloadCount, bytes: check.payloadBytes },
    snapshots: check.snapshots.counts,
    derived: "ok",
    quarantine: head?.quarantine ?? null,
    unrecovered: 0,
    problems: problems.first,
    problemCount: problems.count,
    firstBad: problems.firstBad,
    badEvents: problems.badEvents,
    seconds: (performance.now() - started) / 1000,
    keyFrom: given ? "given" : "bundle",
    verifierKey: head?.verifierKey ?? null,
    origin: head?.origin ?? null,
    name: head?.manifest.name ?? null,
    created: head?.manifest.created ?? null,
    exportedBy: check.exportedBy,
    withheld: check.withheld,
    bytes,
  };
}
