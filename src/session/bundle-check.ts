/**
 * Verifies the sections of a bundle as they come, in one pass, and believes nothing before it has
 * been checked. What has been checked is handed on to whoever imports it.
 */
import { equalBytes, messageOf, type SessionId, sessionIdBytes, toHex } from "../base/index.ts";
import { BatchWalk, batchHeaderBytes, readBatch } from "../event/index.ts";
import { eventLogStart } from "../log/index.ts";
import type { Verifier } from "../merkle/index.ts";
import { keyText, leafHash, openCheckpoint, openNote, RangeBuilder } from "../merkle/index.ts";
import { snapshotText } from "../snapshots/index.ts";
import {
  type BundleHeader,
  bundleError,
  bundleText,
  type SectionKind,
  sectionKinds,
} from "./bundle-format.ts";
import {
  type BundleHead,
  readCheckpoint,
  readHead,
  readSnapshotRecords,
  readTrailer,
} from "./bundle-values.ts";
import { type KeyedNote, openCheckpointOf, openKeyedCheckpoint } from "./checkpoint-files.ts";
import { PayloadReader } from "./chunk-window.ts";
import { EventCheck } from "./event-check.ts";
import { forkClaim, forkShortfall } from "./fork-claim.ts";
import { programPayloads, secretsOf } from "./manifest.ts";
import { PayloadAssembly, type PayloadTarget } from "./payload-assembly.ts";
import { readRedactedEvents } from "./redacted-events.ts";
import { type RootClaim, RootMarks } from "./root-marks.ts";
import { isSignedBy, SignedClaims } from "./signed-claims.ts";
import { SnapshotClaims } from "./snapshot-claims.ts";
import { isPlainKey, verifierOf } from "./verifier.ts";
import { ProblemList } from "./verify-report.ts";

/** Where what a bundle holds goes to. */
export interface BundleTarget extends PayloadTarget {
  /**
   * Whether it keeps the bundle as a session: then the checkpoints of whatever key have to hold,
   * and the first problem ends everything. Else it is told of all up to the first problem, and
   * payloads also behind that.
   */
  readonly keeps: boolean;
  /**
   * Called once, before anything else; the head is still a claim. Throws to refuse it, for example
   * because events are withheld. Returns roots to look at on the way that somebody signed where it
   * goes.
   */
  begin(head: BundleHead, redacted: boolean): Promise<readonly RootClaim[]>;
  /** The next event, which is right as far as it can be told before the end. */
  appendEvent(bytes: Uint8Array): void;
  /** The next event is withheld. */
  withheldEvent?(): void;
  /** The batch that the last events stand in, as it is in an event log. */
  appendBatch(bytes: Uint8Array): void;
  /** Resolves when there is room for more events: asked between two sections. */
  room(): Promise<void>;
  /** Called before the states: what comes now is no payload of an event. */
  endEvents(): void;
}

const checkpointsMax = 100;
const recordsMax = 2 ** 17;
const where = "bundle";

/** Leaves the thread to others where it is time to; throws to stop. */
export type Turn = () => Promise<void>;

async function followAll(reader: PayloadReader, content: Uint8Array, turn: Turn): Promise<void> {
  for (let at = 0; at < content.length; await turn()) at = reader.read(content, at);
}

/** The check of one bundle. */
export class BundleCheck {
  readonly header: BundleHeader;
  readonly problems = new ProblemList();
  readonly snapshots = new SnapshotClaims();
  readonly claims: SignedClaims;
  /** What checkpoints say that are to be kept, whoever signed them; where a key was given. */
  readonly #kept: SignedClaims;
  /** The checkpoints as they stand in the bundle. */
  readonly notes: KeyedNote[] = [];
  readonly #identity: Uint8Array;
  readonly #given: Verifier | undefined;
  readonly #target: BundleTarget | undefined;
  readonly #payloads: PayloadAssembly;
  readonly #states: PayloadAssembly;
  readonly #reader: PayloadReader;
  readonly #stateReader: PayloadReader;
  readonly #range = new RangeBuilder();
  #marks: RootMarks | undefined;
  #events = new EventCheck([], true);
  #own: Verifier | undefined;
  #head: BundleHead | undefined;
  #logOffset = eventLogStart;
  #badEvents = 0;
  /** Events of which only the hashes of their leaves are there. */
  withheld = 0;
  #statesBegun = false;
  /** Whoever signed the bundle as a whole: name and id of the key. */
  exportedBy: string | null = null;

  constructor(header: BundleHeader, given: Verifier | undefined, target: BundleTarget | undefined) {
    this.header = header;
    this.#identity = sessionIdBytes(header.id);
    this.#given = given;
    this.#target = target;
    this.claims = new SignedClaims(this.snapshots, this.problems);
    this.#kept = new SignedClaims(new SnapshotClaims(), this.problems);
    const wrong = (_: Uint8Array, message: string): void => this.problems.add(where, message);
    this.#payloads = new PayloadAssembly(wrong);
    this.#states = new PayloadAssembly(wrong);
    this.#reader = new PayloadReader(this.#payloads);
    this.#stateReader = new PayloadReader(this.#states);
  }

  get id(): SessionId {
    return this.header.id;
  }

  /** What the bundle says of itself. Throws `BUNDLE_INVALID` before it has said so. */
  get head(): BundleHead {
    if (!this.#head) throw bundleError("it does not begin with what it is");
    return this.#head;
  }

  /** Whether there is a head yet. */
  get hasHead(): boolean {
    return this.#head !== undefined;
  }

  /** Events that have gone by, and the root over them. */
  get events(): number {
    return this.#range.end;
  }

  get root(): Uint8Array {
    return this.#range.root();
  }

  get intact(): number {
    return this.#range.end - this.#badEvents - this.withheld;
  }

  get payloadCount(): number {
    return this.#payloads.names.count;
  }

  get payloadBytes(): number {
    return this.#payloads.bytes;
  }

  /**
   * Checks one section; throws where it cannot be understood, which ends the check. `turn` is asked
   * on the way: in a browser a section takes long, and a small one can stand for much.
   */
  async section(kind: SectionKind, content: Uint8Array, turn: Turn): Promise<void> {
    if (kind === sectionKinds.head) this.#readHead(content);
    else if (kind === sectionKinds.checkpoint) this.#checkpoint(content);
    else if (kind === sectionKinds.snapshots) await this.#snapshotRecords(content, turn);
    else {
      await this.#beginBody();
      if (kind === sectionKinds.payloads) await followAll(this.#reader, content, turn);
      else if (kind === sectionKinds.states) await this.#stateSection(content, turn);
      else await this.#eventSection(kind, content, turn);
      await this.#target?.room();
    }
  }

  #readHead(content: Uint8Array): void {
    if (this.#head) throw bundleError("it says twice what it is");
    const { redacted } = this.header;
    const head = readHead(content, this.header);
    try {
      this.#own = verifierOf(head.verifierKey);
    } catch (error) {
      throw bundleError(messageOf(error));
    }
    this.#events = new EventCheck(redacted ? [] : secretsOf(head.manifest), true);
    this.#head = head;
  }

  #checkpoint(content: Uint8Array): void {
    const { origin, verifierKey } = this.head;
    const keyed = readCheckpoint(content);
    const own = keyed.verifierKey === verifierKey;
    // Files are named by a key and begin with it, as one line.
    if (!isPlainKey(keyed.verifierKey)) throw bundleError("a key in it is not spelled as keys are");
    if (this.notes.some((note) => note.verifierKey === keyed.verifierKey)) {
      throw bundleError("it has two checkpoints of one key");
    }
    this.notes.push(keyed);
    if (this.notes.length > checkpointsMax) throw bundleError("it has too many checkpoints");
    const given = this.#given;
    const source = { where: `checkpoint ${this.notes.length}`, foreign: !own };
    this.claims.add({ ...source, trusted: given !== undefined }, () => {
      if (given) {
        return isSignedBy(keyed.note, given)
          ? openCheckpointOf(keyed.note, given, this.id)
          : undefined;
      }
      const opened = openKeyedCheckpoint(keyed, this.id);
      return own ? openCheckpoint(keyed.note, [verifierOf(verifierKey)], origin) : opened;
    });
    // It is kept with the session, and counts as soon as somebody verifies that without a key.
    if (given && this.#target?.keeps) {
      this.#kept.add({ ...source, trusted: false }, () => openKeyedCheckpoint(keyed, this.id));
    }
  }

  async #snapshotRecords(content: Uint8Array, turn: Turn): Promise<void> {
    const { origin } = this.head;
    const { program, records } = readSnapshotRecords(content);
    if (this.snapshots.counts.count + records.length > recordsMax) {
      throw bundleError("it has too many snapshots");
    }
    const place = `snapshots/${toHex(program).slice(0, 8)}`;
    for (const record of records) {
      const text = snapshotText(origin, program, record);
      const keys = { given: this.#given, own: this.#own as Verifier };
      this.snapshots.add({ ...record, program, where: place }, text, keys);
      await turn();
    }
  }

  async #beginBody(): Promise<void> {
    if (this.#marks) return;
    const { head } = this;
    if (this.#given) this.claims.requireSigner(this.#given);
    const shared = forkClaim(this.head.manifest, this.problems);
    const there =
      this.problems.count === 0 ? await this.#target?.begin(head, this.header.redacted) : [];
    const claims = [...this.claims.claims, ...this.#kept.claims, ...shared, ...(there ?? [])];
    this.#marks = new RootMarks(claims);
    if (this.#marks.next === 0) this.#marks.reached(this.root);
    this.#payloads.target = this.#target;
  }

  async #eventSection(kind: SectionKind, content: Uint8Array, turn: Turn): Promise<void> {
    if (this.#reader.open) throw bundleError("events stand inside of a payload");
    if ((kind === sectionKinds.redactedEvents) !== this.header.redacted) {
      throw bundleError("its events are not in the form that its version has");
    }
    if (this.header.redacted) this.#redacted(content);
    else await this.#batches(content, turn);
  }

  #redacted(content: Uint8Array): void {
    readRedactedEvents(content, {
      shown: (start, end) => this.#event(content, start, end),
      withheld: (hash) => {
        this.withheld += 1;
        this.#leaf(hash);
        if (this.problems.count === 0) this.#target?.withheldEvent?.();
      },
    });
  }

  async #batches(content: Uint8Array, turn: Turn): Promise<void> {
    for (let at = 0; at < content.length; ) {
      const batch = readBatch(content, at, this.#identity, this.#logOffset);
      if (typeof batch === "string" || batch.firstSeq !== this.#range.end) {
        throw bundleError(`the batch of event ${this.#range.end} is not valid`);
      }
      for (const walk = new BatchWalk(batch); walk.next(); ) {
        this.#event(content, walk.start, walk.end);
      }
      if (this.problems.count === 0) this.#target?.appendBatch(content.subarray(at, batch.end));
      this.#logOffset += batch.end - batch.bodyStart + batchHeaderBytes;
      at = batch.end;
      await turn();
    }
  }

  /** The next event, behind the byte that is hashed with it. */
  #event(bytes: Uint8Array, start: number, end: number): void {
    const seq = this.#range.end;
    const fault = this.#events.fault(bytes, start, end, seq) ?? this.#payloadFault();
    if (fault !== undefined) {
      this.problems.event(seq, "events", fault);
      this.#badEvents += 1;
    }
    this.#leaf(leafHash(bytes.subarray(start - 1, end)));
    if (this.problems.count === 0) this.#target?.appendEvent(bytes.subarray(start, end));
  }

  #leaf(hash: Uint8Array): void {
    this.#range.append(hash);
    if (this.#range.end === this.#marks?.next) this.#marks.reached(this.root);
  }

  /** What is wrong with the payload that the last event names. */
  #payloadFault(): string | undefined {
    const { blob } = this.#events;
    if (!blob) return undefined;
    const size = this.#payloads.names.sizeOf(blob.sha256);
    if (size === undefined) return `its payload ${toHex(blob.sha256)} is not in front of it`;
    this.#payloads.names.mark(blob.sha256);
    if (size === blob.size) return undefined;
    return `its payload has ${size} bytes, and it says ${blob.size}`;
  }

  async #stateSection(content: Uint8Array, turn: Turn): Promise<void> {
    if (!this.#statesBegun && this.problems.count === 0) this.#target?.endEvents();
    this.#statesBegun = true;
    this.#states.target = this.#target;
    await followAll(this.#stateReader, content, turn);
  }

  /**
   * The trailer: compares what it says with what has gone by; `bytes` and `sha256` are those of
   * everything before it.
   */
  async trailer(content: Uint8Array, bytes: number, sha256: Uint8Array): Promise<void> {
    await this.#beginBody();
    const trailer = readTrailer(content);
    const { head, root, events } = this;
    const agrees =
      events === head.events &&
      equalBytes(root, head.root) &&
      trailer.events === events &&
      equalBytes(trailer.root, root) &&
      trailer.payloads === this.payloadCount &&
      trailer.payloadBytes === this.payloadBytes &&
      trailer.states === this.#states.names.count &&
      trailer.snapshots === this.snapshots.counts.count &&
      trailer.bytes === bytes &&
      equalBytes(trailer.sha256, sha256);
    if (!agrees) this.problems.add("trailer", "it is not of what stands before it");
    if (this.#reader.open || this.#stateReader.open) {
      this.problems.add("trailer", "a payload before it has no end");
    }
    if (trailer.note) this.#signature(trailer.note, sha256);
  }

  #signature(note: Uint8Array, sha256: Uint8Array): void {
    const { head, root, events } = this;
    const key = this.#given ?? (this.#own as Verifier);
    try {
      if (this.#given && !isSignedBy(note, key)) return;
      const { text, verified } = openNote(note, [key]);
      if (text !== bundleText(head.origin, events, root, sha256)) {
        this.problems.add("trailer", "its signature is one of another bundle");
      } else this.exportedBy = verified.map(keyText).join(", ");
    } catch (error) {
      this.problems.add("trailer", `its signature does not verify: ${messageOf(error)}`);
    }
  }

  /** The code of an executed session: it is named by what the session is, not by an event. */
  #checkProgram(whole: boolean): void {
    const { names } = this.#payloads;
    for (const { name, what } of programPayloads(this.#head?.manifest ?? {})) {
      const message = `the ${what} of its program is not in it: ${toHex(name)}`;
      if (names.sizeOf(name) !== undefined) names.mark(name);
      else if (whole) this.problems.add(where, message);
    }
  }

  /** Says what does not hold; `whole` when the bundle could be read to its end. */
  finish(whole: boolean): void {
    this.#checkProgram(whole);
    const unnamed = this.payloadCount - this.#payloads.names.marked;
    if (whole && unnamed > 0) {
      this.problems.add(where, `${unnamed} payloads are named by no event`);
    }
    if (whole) this.#checkStates();
    this.claims.finish(this.#range.end);
    if (this.#head && this.claims.size <= this.#range.end) {
      forkShortfall(this.#head.manifest, this.#range.end, this.problems);
    }
    this.#kept.finish(this.#range.end);
  }

  #checkStates(): void {
    const { names } = this.#states;
    for (const snapshot of this.snapshots.signed) {
      const size = names.sizeOf(snapshot.stateHash);
      names.mark(snapshot.stateHash);
      if (size === undefined) this.claims.stateFault(snapshot, "it is not in the bundle");
      else if (size !== snapshot.stateBytes) {
        this.claims.stateFault(snapshot, `it has ${size} bytes, not ${snapshot.stateBytes}`);
      }
    }
    const unnamed = names.count - names.marked;
    const unsigned = this.snapshots.counts.count - this.snapshots.signed.length;
    if (unnamed > unsigned) this.problems.add(where, `${unnamed} states belong to no snapshot`);
  }
}
