/** The bytes of a frame do not depend on where they are put together. */
import { expect, test } from "vitest";
import {
  decodeFrame,
  encodeDirectory,
  encodeFrame,
  entryKinds,
  frameBytes,
  isGroup,
  segmentStart,
} from "../../src/log/journal-frame.ts";

const salt = new Uint8Array(16).fill(7);

test("a frame in room that held another one is the same frame", () => {
  for (let size = 1; size <= 9; size++) {
    const bytes = new Uint8Array(size).fill(size);
    const id = new Uint8Array(16).fill(3);
    const entries = [{ kind: entryKinds.events, id, firstSeq: 4, count: 1, offset: 64, bytes }];
    const directory = encodeDirectory(entries);
    const fresh = encodeFrame(5, entries, directory, salt, segmentStart);
    const room = new Uint8Array(frameBytes(entries, directory.length)).fill(0xff);
    const frame = encodeFrame(5, entries, directory, salt, segmentStart, directory, room);
    expect(frame).toEqual(fresh);
    const group = decodeFrame(frame, 0, salt);
    expect(isGroup(group)).toBe(false); // of another place
    const segment = new Uint8Array(segmentStart + frame.length);
    segment.set(frame, segmentStart);
    expect(decodeFrame(segment, segmentStart, salt)).toMatchObject({
      number: 5,
      end: segment.length,
    });
  }
});
