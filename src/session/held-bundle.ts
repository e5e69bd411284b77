/**
 * A bundle in memory, for a page that shows one: it is verified as it is read, and there is nothing
 * to see of it before all of it has been. For what is too large for that, see `BundleReader`.
 */
import { ReachError, type SessionId, toHex } from "../base/index.ts";
import type { BlobStream } from "../blobs/index.ts";
import { EventView, type PayloadSource } from "../event/index.ts";
import { type BundleReport, type BundleVerifyOptions, verifyInto } from "./bundle.ts";
import type { BundleTarget } from "./bundle-check.ts";
import type { BundleHead } from "./bundle-values.ts";
import type { RootClaim } from "./root-marks.ts";

/** What a held bundle is of. */
export interface HeldManifest {
  readonly id: SessionId;
  readonly kind: "recorded" | "executed";
  readonly name: string;
  readonly format: string;
  readonly created: number;
  /** Of an executed session. */
  readonly program: { readonly name: string; readonly version: string } | undefined;
}

/** A verified bundle. */
export class HeldBundle {
  /** What verifying it found. Where that is not intact, there are no events to see. */
  readonly report: BundleReport;
  readonly manifest: HeldManifest | undefined;
  /** By seq; `undefined` for an event that is withheld. */
  readonly #events: readonly (EventView | undefined)[];
  readonly #payloads: HeldPayloads;

  private constructor(report: BundleReport, target: MemoryTarget) {
    this.report = report;
    this.manifest = target.head && manifestOf(target.head);
    this.#events = report.integrity === "intact" ? target.events : [];
    this.#payloads = target.payloads;
  }

  /** Reads and verifies; throws as `verifyBundle`. Takes the memory that the session has bytes. */
  static async read(
    source: AsyncIterable<Uint8Array>,
    options: BundleVerifyOptions = {},
  ): Promise<HeldBundle> {
    const target = new MemoryTarget();
    return new HeldBundle(await verifyInto(source, target, options), target);
  }

  /** Events, those that are withheld among them. */
  get size(): number {
    return this.#events.length;
  }

  /** An event; `undefined` where there is none, or it is withheld. */
  event(seq: number): EventView | undefined {
    return this.#events[seq];
  }

  /** A payload by its SHA-256, hexadecimal. Throws `BLOB_MISSING`. */
  payload(sha256: string): Uint8Array {
    return this.#payloads.named(sha256);
  }
}

function manifestOf({ manifest }: BundleHead): HeldManifest {
  const { id, kind, name, format, created, program } = manifest;
  const named = program && { name: program.name, version: program.version };
  return { id, kind, name, format, created, program: named };
}

/** Payloads by their names. */
class HeldPayloads implements PayloadSource {
  readonly #bytes = new Map<string, Uint8Array>();

  add(name: Uint8Array, bytes: Uint8Array): void {
    this.#bytes.set(toHex(name), bytes);
  }

  get(name: Uint8Array): Uint8Array {
    return this.named(toHex(name));
  }

  named(name: string): Uint8Array {
    const bytes = this.#bytes.get(name);
    if (bytes) return bytes;
    throw new ReachError("BLOB_MISSING", `payload ${name} is not in the bundle`);
  }
}

/** Keeps everything but states. */
class MemoryTarget implements BundleTarget {
  readonly keeps = false;
  readonly events: (EventView | undefined)[] = [];
  readonly payloads = new HeldPayloads();
  head: BundleHead | undefined;
  #inStates = false;

  async begin(head: BundleHead): Promise<readonly RootClaim[]> {
    this.head = head;
    return [];
  }

  putPayload(bytes: Uint8Array, name: Uint8Array): void {
    if (!this.#inStates) this.payloads.add(name, bytes.slice());
  }

  payloadStream(name: Uint8Array, size: number): BlobStream | undefined {
    if (this.#inStates) return undefined;
    const bytes = new Uint8Array(size);
    let filled = 0;
    return {
      push: (piece) => {
        bytes.set(piece, filled);
        filled += piece.length;
      },
      finish: () => {
        this.payloads.add(name, bytes);
        return { sha256: name, size };
      },
    };
  }

  appendEvent(bytes: Uint8Array): void {
    this.events.push(new EventView(bytes.slice(), this.payloads));
  }

  withheldEvent(): void {
    this.events.push(undefined);
  }

  appendBatch(): void {}

  async room(): Promise<void> {}

  endEvents(): void {
    this.#inStates = true;
  }
}
