/**
 * One file of the journal: created whole under another name, zeroed ahead of its frames so that an
 * fdatasync never has to grow it, written frame by frame.
 */
import { type Disk, type DiskFile, temporarySuffix } from "../disk/index.ts";
import {
  decodeFrame,
  decodeSegmentHeader,
  encodeSegmentHeader,
  type Group,
  isGroup,
  type SegmentHeader,
  type SegmentSeal,
  segmentName,
  segmentStart,
} from "./journal-frame.ts";
import type { JournalSizes } from "./journal-sizes.ts";

/** Zeros that are durable behind the last frame of every segment that is not sealed. */
export const roomBehindBytes = 8;

/** Turns that it takes until whoever waits for an event has appended the next ones. */
const turnsOfOthers = 4;

/** Written again and again where a file is zeroed; never written to. */
const zeros = new Uint8Array(256 * 1024);

/** Writes zeros from `start` to `end`. */
function zero(file: DiskFile, start: number, end: number): void {
  for (let at = start; at < end; at += zeros.length) {
    file.write(end - at < zeros.length ? zeros.subarray(0, end - at) : zeros, at);
  }
}

/** A segment that can be written. */
export class Segment {
  readonly header: SegmentHeader;
  readonly path: string;
  /** Files that its entries have been written to; durable before the segment may go. */
  readonly touched = new Set<string>();
  readonly #file: DiskFile;
  readonly #sizes: JournalSizes;
  #zeroed: number;
  /** Nothing more goes into this file: something failed, or it may have been sealed. */
  #ended = false;
  /** Offset behind the last frame. */
  end = segmentStart;
  lastGroup: number;

  private constructor(
    header: SegmentHeader,
    file: DiskFile,
    path: string,
    sizes: JournalSizes,
    zeroed: number,
  ) {
    this.header = header;
    this.#sizes = sizes;
    this.#file = file;
    this.path = path;
    this.#zeroed = zeroed;
    this.lastGroup = header.lastGroup;
  }

  /**
   * Creates a segment in `folder`, durable with its first frames (`frames` follow the header) and
   * its name before this resolves. If we crash before the rename there is no such segment. From
   * `beforeRename` on it may be there, also when this throws.
   */
  static async create(
    disk: Disk,
    folder: string,
    header: SegmentHeader,
    sizes: JournalSizes,
    frames: readonly Uint8Array[] = [],
    beforeRename: () => void = () => {},
  ): Promise<Segment> {
    const path = `${folder}/${segmentName(header.epoch, header.number)}`;
    const temporary = path + temporarySuffix;
    disk.remove(temporary);
    const file = disk.open(temporary, "create");
    try {
      file.write(encodeSegmentHeader(header), 0);
      let end = segmentStart;
      for (const frame of frames) {
        file.write(frame, end);
        end += frame.length;
      }
      const zeroed = end + sizes.zeroStepBytesMin;
      zero(file, end, zeroed);
      await file.sync();
      beforeRename();
      disk.rename(temporary, path);
      await disk.syncFolder(folder);
      const segment = new Segment(header, file, path, sizes, zeroed);
      segment.end = end;
      return segment;
    } catch (error) {
      file.close();
      disk.remove(temporary);
      throw error;
    }
  }

  /** Whether it holds no frame that counts. */
  get isEmpty(): boolean {
    return this.end === segmentStart;
  }

  /** Whether a frame of `size` bytes still belongs into this segment. */
  hasRoom(size: number): boolean {
    if (this.#ended) return false;
    return this.isEmpty || this.end + size <= this.#sizes.segmentBytes;
  }

  /**
   * Secures room for a frame of `size` bytes before anything is written: zeros, durable, and some
   * behind it, so that a segment that has been cut off can be told from a full one. Throws
   * `DISK_FULL` when there is none, and the segment is as it was; after a failed sync it takes no
   * more frames. Returns nothing to wait for where the room is there.
   */
  secure(size: number): Promise<void> | undefined {
    const wanted = this.end + size + roomBehindBytes;
    return wanted <= this.#zeroed ? undefined : this.#zeroTo(wanted);
  }

  async #zeroTo(wanted: number): Promise<void> {
    const { zeroStepBytesMin, zeroStepBytesMax } = this.#sizes;
    const step = Math.min(zeroStepBytesMax, Math.max(zeroStepBytesMin, this.#zeroed));
    const target = Math.max(wanted, this.#zeroed + step);
    zero(this.#file, this.#zeroed, target);
    await this.#attempt(() => this.#file.sync());
    this.#zeroed = target;
  }

  /**
   * Writes a frame behind the last one and makes it durable. Room has been secured, and the disk is
   * at work when this returns. `meanwhile` is called then, after those who heard of the group
   * before have had their turn: they do not wait for it, and nor does the disk for them.
   */
  async append(frame: Uint8Array, group: number, meanwhile: () => void): Promise<void> {
    await this.#attempt(async () => {
      this.#file.write(frame, this.end);
      const synced = this.#file.sync();
      try {
        for (let turn = 0; turn < turnsOfOthers; turn++) await undefined;
        meanwhile();
      } finally {
        await synced;
      }
    });
    this.end += frame.length;
    this.lastGroup = group;
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#ended = true;
      throw error;
    }
  }

  /**
   * Whether it ends with a frame of which nobody knows whether it is on the disk, and which
   * recovery would apply, or whether a successor may have sealed it.
   */
  get isInDoubt(): boolean {
    return this.#ended;
  }

  /** Takes no more frames: a successor that seals it here is getting its name. */
  endHere(): void {
    this.#ended = true;
  }

  /** The seal that the next segment's header puts on this one. */
  get seal(): SegmentSeal {
    const { epoch, number } = this.header;
    return { epoch, number, end: this.end };
  }

  close(): void {
    this.#file.close();
  }
}

/**
 * A segment's bytes, at most `bytesMax` of them, and its header: `undefined` when both copies of it
 * are damaged.
 */
export function readSegment(
  disk: Disk,
  path: string,
  bytesMax: number = Number.POSITIVE_INFINITY,
): { bytes: Uint8Array; header: SegmentHeader | undefined } {
  const file = disk.open(path, "read");
  try {
    const bytes = new Uint8Array(Math.min(file.size(), bytesMax));
    file.read(bytes, 0);
    return { bytes, header: decodeSegmentHeader(bytes) };
  } finally {
    file.close();
  }
}

/** The groups of a segment up to `end`, as they stand one behind the other. */
export function* groupsOf(
  bytes: Uint8Array,
  salt: Uint8Array,
  end: number,
): Generator<Group, void> {
  for (let at = segmentStart; at < end; ) {
    const place = decodeFrame(bytes, at, salt);
    if (!isGroup(place)) return;
    yield place;
    at = place.end;
  }
}
