/**
 * Power failures and failing operations: what they are called and what they do to a simulated
 * disk. How much survives is drawn per failure, so that extremes come up as often as mixtures.
 */
import type { ContentFate } from "./file-content.ts";
import type { NameFate } from "./namespace.ts";
import type { Random } from "./random.ts";

/** Thrown by every operation of a disk from the moment the power failed. */
export class PowerLoss extends Error {
  constructor() {
    super("the power failed");
    this.name = "PowerLoss";
  }
}

/** How an operation fails. */
export interface Fault {
  readonly code: "IO_FAILED" | "DISK_FULL";
  /**
   * `none`: nothing was done (a sync: its pages are lost or count as clean from now on);
   * `done`: everything was done and only the report is wrong;
   * `part`: a write stopped somewhere in the middle; other operations as `none`.
   */
  readonly effect: "none" | "done" | "part";
}

/** Every way an operation can fail. */
export const faults: readonly Fault[] = (["IO_FAILED", "DISK_FULL"] as const).flatMap((code) =>
  (["none", "done", "part"] as const).map((effect) => ({ code, effect })),
);

/** What a power failure does. */
export interface PowerFate {
  /** For the report. */
  readonly name: string;
  readonly names: NameFate;
  /** Called once for each file that has something to lose. */
  readonly content: () => ContentFate;
}

const everything: ContentFate = {
  kept: 1,
  torn: 0,
  garbage: 0,
  garbageSpreads: false,
  size: "kept",
};
const nothing: ContentFate = { ...everything, kept: 0, size: "lost" };

/** Everything survives: the process was killed, the machine went on. */
export const processKilled: PowerFate = {
  name: "everything written is kept",
  names: "all",
  content: () => everything,
};

/** Nothing survives but what was synced. */
export const nothingKept: PowerFate = {
  name: "everything unsynced is lost",
  names: "none",
  content: () => nothing,
};

/** Draws what a power failure does. `garbageSpreads` drops the assumption of safe overwriting. */
export function drawFate(random: Random, garbageSpreads: boolean): PowerFate {
  const mixed = (): ContentFate => {
    const kept = random.pick([0, 0.1, 0.5, 0.5, 0.9, 1]);
    const torn = kept === 1 ? 0 : (1 - kept) * random.pick([0, 0.1, 0.5]);
    const garbage = random.chance(0.1) ? (1 - kept - torn) * 0.2 : 0;
    return { kept, torn, garbage, garbageSpreads, size: random.pick(["kept", "lost", "any"]) };
  };
  const someNames = (): NameFate =>
    random.pick(["all", "none", "prefix", "prefix", "prefix of each folder", "any"]);
  switch (random.weighted({ killed: 1, nothing: 2, zeros: 1, nameless: 1, prefix: 1, mixed: 6 })) {
    case "killed":
      return processKilled;
    case "nothing":
      return nothingKept;
    case "zeros":
      return {
        name: "names and sizes are kept, unsynced bytes are not",
        names: "all",
        content: () => ({ ...nothing, size: "kept" }),
      };
    case "nameless":
      return { ...processKilled, name: "bytes are kept, unsynced names are not", names: "none" };
    case "prefix":
      return { ...processKilled, name: "bytes are kept, some names", names: someNames() };
    case "mixed": {
      const names = someNames();
      return { name: `sectors kept, lost and torn, names: ${names}`, names, content: mixed };
    }
  }
}
