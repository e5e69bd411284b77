/**
 * Gathering what is new of the packs. They are read after the logs: what a log names was in a pack
 * or in the journal before. A pack that a collection takes away while they are read has its living
 * entries in another one, so the list is read again until nothing is missing.
 */
import {
  indexName,
  missingInPack,
  noPack,
  type PackSurvey,
  packHeaderBytes,
  packName,
  packNumberOf,
  surveyPack,
} from "../../blobs/index.ts";
import { type DiskFile, readFile } from "../../disk/index.ts";
import { blobFolder } from "../../log/index.ts";
import type { BackupContext, BackupOutcome } from "./context.ts";
import { openIfThere } from "./log-copy.ts";
import { firstDifference, isSameUpTo, type StagedFile } from "./staging.ts";

const looksMax = 4;
const pauseMs = 30;
const windowBytes = 1024 * 1024;
/** More collections than can be while packs are read. */
const roundsMax = 100;

/** Packs in which a hole may yet be filled: offsets of the first ones. */
export type FirmEnds = ReadonlyMap<number, number>;

/** All packs on their way into the backup. */
export class PackCopies {
  readonly #context: BackupContext;
  readonly #firmBefore: FirmEnds;
  readonly #done = new Set<number>();
  /**
   * Whether anything but the ends of packs in the backup changes: what was never acknowledged, and
   * lost here with the power, may have its payloads there.
   */
  overwrites = false;
  /** What the next backup is to look at again. */
  readonly firm = new Map<number, number>();

  constructor(context: BackupContext, firmBefore: FirmEnds) {
    this.#context = context;
    this.#firmBefore = firmBefore;
  }

  /** Gathers what there is now and was not gathered before; tells of each pack. */
  async gather(tell: (name: string, outcome: BackupOutcome) => void): Promise<void> {
    for (let round = 0; round < roundsMax; round++) {
      let missing = false;
      for (const number of this.#numbers()) {
        if (this.#done.has(number)) continue;
        const outcome = await this.#pack(number);
        if (!outcome) missing = true;
        else {
          this.#done.add(number);
          tell(packName(number), outcome);
        }
        await this.#context.staging.relieve();
        await this.#context.turn();
      }
      if (!missing) return;
    }
  }

  /** Packs have grown meanwhile: the next `gather` looks at all of them again. */
  again(): void {
    this.#done.clear();
  }

  #numbers(): number[] {
    const { source, from, journal } = this.#context;
    const numbers = new Set<number>(journal.packs);
    for (const name of source.list(blobFolder(from))) {
      const number = packNumberOf(name, ".pack");
      if (number !== undefined) numbers.add(number);
    }
    return [...numbers].sort((a, b) => a - b);
  }

  /** Gathers one pack; `undefined` when it is gone. */
  async #pack(number: number): Promise<BackupOutcome | undefined> {
    const { source, from, journal } = this.#context;
    const folder = blobFolder(from);
    const index = openIfThere(() => readFile(source, `${folder}/${indexName(number)}`));
    await this.#context.turn();
    const file = openIfThere(() => source.open(`${folder}/${packName(number)}`, "read"));
    // One that is only in the journal has yet to be made, or has been collected since.
    if (!file && journal.ofPack(number).length === 0) return undefined;
    const copy = this.#openCopy(number);
    try {
      const pack = new PackCopy(this.#context, number, file, copy);
      const outcome = await pack.gather(this.#firmBefore.get(number), index, this.firm);
      if (pack.overwrites) this.overwrites = true;
      return outcome;
    } finally {
      file?.close();
      copy?.file.close();
    }
  }

  /** What is there of a pack: gathered by an interrupted backup, or in its place. */
  #openCopy(number: number): PackThere | undefined {
    const { staging } = this.#context;
    const name = `blobs/${packName(number)}`;
    const gathered = openIfThere(() => staging.disk.open(staging.path(name), "read"));
    if (gathered && isWholePack(gathered, number)) return { file: gathered, gathered: true };
    gathered?.close();
    staging.forget(name);
    const placed = openIfThere(() => staging.disk.open(staging.place(name), "read"));
    return placed && { file: placed, gathered: false };
  }
}

/** A pack as the backup has it. */
interface PackThere {
  readonly file: DiskFile;
  /** Not in its place yet. */
  readonly gathered: boolean;
}

function isWholePack(file: DiskFile, number: number): boolean {
  const { hasHeader, gaps, end } = surveyPack(file, number, 0);
  return hasHeader && gaps.length === 0 && end === file.size();
}

/** One pack. */
class PackCopy {
  readonly #context: BackupContext;
  readonly #number: number;
  readonly #file: DiskFile | undefined;
  readonly #copy: PackThere | undefined;
  readonly #name: string;
  /** Whether anything but the end of the pack in the backup changes. */
  overwrites = false;

  constructor(
    context: BackupContext,
    number: number,
    file: DiskFile | undefined,
    copy: PackThere | undefined,
  ) {
    this.#context = context;
    this.#number = number;
    this.#file = file;
    this.#copy = copy;
    this.#name = `blobs/${packName(number)}`;
  }

  /** Gathers it; `firmBefore` is the end of what cannot have changed, where that is not all. */
  async gather(
    firmBefore: number | undefined,
    index: Uint8Array | undefined,
    firm: Map<number, number>,
  ): Promise<BackupOutcome> {
    const { whole, turn } = this.#context;
    const copied = this.#copy?.file.size() ?? 0;
    const start = Math.min(firmBefore ?? copied, copied);
    const compared = Math.min(start, this.#file?.size() ?? 0);
    const same =
      !this.#file ||
      !this.#copy ||
      (await isSameUpTo(this.#file, this.#copy.file, compared, whole, turn));
    let from = same ? start : 0;
    let survey = await this.#survey(from);
    await turn();
    // What the backup has is better than what cannot be read any more; behind it there may be more.
    const keeps = this.#isDamaged(survey, copied);
    if (keeps) {
      from = copied;
      survey = await this.#survey(from);
    }
    const end = await this.#take(survey, from, copied);
    this.#noteFirm(survey, keeps ? start : from, end, firm);
    this.#takeIndex(index, end);
    return { events: 0, presentBytes: from, trouble: undefined };
  }

  /** Looks at the pack from `from` on, again while something is being written there. */
  async #survey(from: number): Promise<PackSurvey> {
    if (!this.#file) return noPack;
    for (let look = 1; ; look++) {
      const survey = surveyPack(this.#file, this.#number, from);
      if (survey.damagedAt === undefined || look === looksMax) return survey;
      await this.#context.pause(pauseMs);
    }
  }

  /**
   * Whether anything below `copied` cannot be read, and is not in the journal either: perhaps what
   * was never acknowledged and was lost with the power, perhaps damage. Verifying tells.
   */
  #isDamaged(survey: PackSurvey, copied: number): boolean {
    if (copied === 0 || !this.#file) return false;
    const held = this.#context.journal.ofPack(this.#number);
    if (!survey.hasHeader) return held.length === 0;
    const { damagedAt } = survey;
    if (damagedAt === undefined || damagedAt >= copied) return false;
    const gap = survey.gaps.find(({ offset }) => offset === damagedAt);
    return !held.some(({ offset, length }) => {
      return offset < (gap?.end ?? damagedAt) && offset + length > damagedAt;
    });
  }

  /**
   * Gathers what is new or another behind `from`; returns the end of the pack in the backup. What
   * the backup has behind the end of the pack stays: whole entries that nothing names.
   */
  async #take(survey: PackSurvey, from: number, copied: number): Promise<number> {
    const { journal, turn } = this.#context;
    const held = journal.ofPack(this.#number);
    // As much as the journal holds of one pack.
    const missing = [...missingInPack(survey, this.#number, held, from)];
    const differs = await this.#firstDifference(from, Math.min(copied, survey.end), turn);
    const begin = Math.min(differs, missing[0]?.offset ?? differs);
    if (begin < Math.min(copied, survey.end)) this.overwrites = true;
    let end = Math.max(copied, survey.end);
    let target: StagedFile | undefined;
    const write = (bytes: Uint8Array, offset: number): void => {
      target ??= this.#open(begin, copied);
      target.write(bytes, offset);
    };
    const window = new Uint8Array(Math.max(0, Math.min(windowBytes, survey.end - begin)));
    for (let at = begin; at < survey.end && this.#file; ) {
      const part = window.subarray(0, Math.min(window.length, survey.end - at));
      const read = this.#file.read(part, at);
      if (read === 0) break;
      write(part.subarray(0, read), at);
      at += read;
      await turn();
    }
    for (const { offset, bytes } of missing) {
      write(bytes, offset);
      end = Math.max(end, offset + bytes.length);
    }
    return end;
  }

  /** Where the backup first differs from `from` on: `from` where it has nothing there. */
  async #firstDifference(from: number, to: number, turn: () => Promise<void>): Promise<number> {
    const copy = this.#copy?.file;
    if (!copy || !this.#file || to <= from) return from;
    return firstDifference(this.#file, copy, from, to, turn);
  }

  #open(begin: number, copied: number): StagedFile {
    const { staging } = this.#context;
    if (copied === 0) return staging.whole(this.#name);
    return this.#copy?.gathered ? staging.again(this.#name) : staging.part(this.#name, begin);
  }

  /** `from`: what stands before it stays as it is, unless a gap says otherwise. */
  #noteFirm(survey: PackSurvey, from: number, end: number, firm: Map<number, number>): void {
    const first = survey.gaps[0]?.offset ?? Math.max(survey.end, from);
    if (first < end) firm.set(this.#number, first);
    else firm.delete(this.#number);
  }

  /** The index is derived, and fits or is not used. One of the same size is the same. */
  #takeIndex(index: Uint8Array | undefined, end: number): void {
    const { staging, whole } = this.#context;
    if (!index || end <= packHeaderBytes) return;
    const name = `blobs/${indexName(this.#number)}`;
    const there = openIfThere(() => staging.disk.open(staging.place(name), "read"));
    const size = there?.size();
    there?.close();
    if (size !== index.length || whole) staging.put(name, index);
  }
}
