/**
 * Which values of a JSON document become records. A layout is asked about every value that is not
 * inside a record: enter it, so that what it holds is asked about in turn, or cut it out whole.
 */
import type { PathStep } from "./json-path.ts";
import type { RecordPlace } from "./reading.ts";
import { ascii } from "./value-scan.ts";

/** A container of the document that was entered, outermost first. */
export interface Frame {
  readonly array: boolean;
  /** In an object the key of the value at hand; `null` when it could not be read. */
  key: string | null;
  /** In an array the index of the value at hand. */
  index: number;
  /** The place of the values of an array; of an object's the layout makes one each. */
  readonly place: RecordPlace;
}

/** `peek`: enter an array if its first element is an object, else cut it out. */
export type Decision = "enter" | "peek" | "cut";

/** The choice of records. */
export interface Layout {
  /** What to do with a value that begins with `byte`; `frames` are the containers around it. */
  decide(frames: readonly Frame[], byte: number): Decision;
  /** The frame of a container that is entered. */
  frame(frames: readonly Frame[], array: boolean): Frame;
  /** The place of a value that is cut out. */
  place(frames: readonly Frame[]): RecordPlace;
  /** The document has what the layout looked for. */
  readonly found: boolean;
}

const nowhere: RecordPlace = { member: null, element: true };

function isContainer(byte: number): boolean {
  return byte === ascii.bracketOpen || byte === ascii.braceOpen;
}

/** The key under which a value of the document's own object stands. */
function memberOf(frames: readonly Frame[]): RecordPlace {
  const frame = frames.at(-1);
  if (!frame || frame.array) return frame?.place ?? nowhere;
  return { member: frame.key, element: false };
}

/** The whole document is one record. */
export const wholeLayout: Layout = {
  decide: () => "cut",
  frame: (_, array) => ({ array, key: null, index: 0, place: nowhere }),
  place: memberOf,
  found: true,
};

/**
 * Elements of an array at the top are records; of an object at the top, the elements of each array
 * of objects are, and every other member is one.
 */
export const topLayout: Layout = {
  decide(frames, byte) {
    if (frames.length === 0) return isContainer(byte) ? "enter" : "cut";
    const inObject = frames.length === 1 && !frames[0]?.array;
    return inObject && byte === ascii.bracketOpen ? "peek" : "cut";
  },
  frame(frames, array) {
    const place = { member: frames.at(-1)?.key ?? null, element: true };
    return { array, key: null, index: 0, place };
  },
  place: memberOf,
  found: true,
};

/** Elements of the array at `steps` are records, and so is every value beside the way to it. */
export function pathLayout(steps: readonly PathStep[]): Layout {
  let found = false;
  const keys = steps.filter((step) => typeof step === "string");
  const target: RecordPlace = { member: keys.at(-1) ?? null, element: true };
  return {
    decide(frames, byte) {
      if (!isOnWay(frames, steps)) return "cut";
      const step = steps[frames.length];
      if (step === undefined) {
        found ||= byte === ascii.bracketOpen;
        return byte === ascii.bracketOpen ? "enter" : "cut";
      }
      const open = typeof step === "number" ? ascii.bracketOpen : ascii.braceOpen;
      return byte === open ? "enter" : "cut";
    },
    frame(frames, array) {
      const onWay = frames.length < steps.length;
      // One type for all elements beside the way, whatever their number.
      const beside = { member: `${pathText(frames) ?? ""}[]`, element: false };
      return { array, key: null, index: 0, place: onWay ? beside : target };
    },
    place(frames) {
      const frame = frames.at(-1);
      if (!frame || frame.array) return frame?.place ?? nowhere;
      return { member: pathText(frames), element: false };
    },
    get found() {
      return found;
    },
  };
}

/** Whether the value at hand lies on the way that `steps` go, or is where they lead to. */
function isOnWay(frames: readonly Frame[], steps: readonly PathStep[]): boolean {
  const frame = frames.at(-1);
  if (!frame) return true;
  // Only containers on the way are entered, so the innermost one decides.
  return (frame.array ? frame.index : frame.key) === steps[frames.length - 1];
}

/** The keys and indexes that lead to a value; `null` when one of the keys could not be read. */
function pathText(frames: readonly Frame[]): string | null {
  let text = "";
  for (const { array, key, index } of frames) {
    if (array) text += `[${index}]`;
    else if (key === null) return null;
    else text += text === "" ? key : `.${key}`;
  }
  return text;
}
