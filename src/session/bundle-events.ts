/**
 * The events of a bundle, without a data directory. The bundle is read once: what verifying it
 * brings is kept aside in a temporary file, and handed out only when all of it has been verified.
 * So whoever changes the bundle in the meantime changes nothing of what is shown.
 */
import { ReachError, type SessionId } from "../base/index.ts";
import type { BlobStream } from "../blobs/index.ts";
import type { EventView } from "../event/index.ts";
import { type BundleReport, type BundleVerifyOptions, problemsText, verifyInto } from "./bundle.ts";
import type { BundleTarget } from "./bundle-check.ts";
import { type BundleSource, bundlePieces } from "./bundle-source.ts";
import { EventSpool } from "./event-spool.ts";
import type { RootClaim } from "./root-marks.ts";

/** How a bundle is read. */
export interface BundleEventsOptions extends BundleVerifyOptions {
  /** The events that are wanted; all of the bundle is verified in any case. */
  readonly from?: number;
  readonly to?: number;
  /** Whether payloads are wanted that lie outside of their events (default: yes). */
  readonly payloads?: boolean;
}

/** A bundle that has been verified. */
export class BundleReader {
  /** What verifying it found: intact, and not incomplete. */
  readonly report: BundleReport;
  readonly #spool: EventSpool;

  private constructor(report: BundleReport, spool: EventSpool) {
    this.report = report;
    this.#spool = spool;
  }

  /**
   * Verifies a bundle, as `verifyBundle`, and throws `BUNDLE_INVALID` also for what that would
   * report: damage, or events that are missing at its end.
   */
  static async open(
    source: BundleSource,
    options: BundleEventsOptions = {},
  ): Promise<BundleReader> {
    const spool = new EventSpool();
    try {
      const target = new SpoolTarget(spool, options);
      const report = await verifyInto(bundlePieces(source), target, options);
      checkVerdict(report);
      return new BundleReader(report, spool);
    } catch (error) {
      spool.close();
      throw error;
    }
  }

  get id(): SessionId {
    return this.report.id;
  }

  /** Events of the session, wanted or not, withheld or not. */
  get size(): number {
    return this.report.events + this.report.withheld;
  }

  /** The events that were wanted and are not withheld; payloads are fetched when looked at. */
  events(): Generator<EventView, void> {
    return this.#spool.events();
  }

  close(): void {
    this.#spool.close();
  }
}

function checkVerdict({ integrity, completeness, problems, problemCount }: BundleReport): void {
  if (integrity === "intact" && completeness !== "incomplete") return;
  const verdict = integrity === "damaged" ? "damaged" : "incomplete";
  const what = problemsText(problems, problemCount);
  throw new ReachError("BUNDLE_INVALID", `the bundle is ${verdict}: ${what}`, {
    hint: "`reach verify` says what is wrong with it",
  });
}

/** Keeps what is wanted, in the order of the bundle. */
class SpoolTarget implements BundleTarget {
  readonly keeps = false;
  readonly #spool: EventSpool;
  readonly #from: number;
  readonly #to: number;
  readonly #payloads: boolean;
  #next = 0;
  #inStates = false;

  constructor(spool: EventSpool, options: BundleEventsOptions) {
    const { from = 0, to = Number.POSITIVE_INFINITY, payloads = true } = options;
    this.#spool = spool;
    this.#from = from;
    this.#to = to;
    this.#payloads = payloads;
  }

  async begin(): Promise<readonly RootClaim[]> {
    return [];
  }

  putPayload(bytes: Uint8Array, name: Uint8Array): void {
    if (this.#wantsPayload()) this.#spool.addPayload(bytes, name);
  }

  payloadStream(name: Uint8Array, size: number): BlobStream | undefined {
    return this.#wantsPayload() ? this.#spool.payloadStream(name, size) : undefined;
  }

  /** A payload may be named again by any later event. */
  #wantsPayload(): boolean {
    return this.#payloads && !this.#inStates && this.#next < this.#to;
  }

  appendEvent(bytes: Uint8Array): void {
    if (this.#next >= this.#from && this.#next < this.#to) this.#spool.addEvent(bytes);
    this.#next += 1;
  }

  withheldEvent(): void {
    this.#next += 1;
  }

  appendBatch(): void {}

  async room(): Promise<void> {}

  endEvents(): void {
    this.#inStates = true;
  }
}
