/**
 * The built-in program `transcript`: folds the events of an imported or recorded session into what
 * is worth looking at. What it keeps and how it counts is pinned by a hash in a test: a change that
 * moves it gets a new version, since kept snapshots were made by the old one.
 */
import { sha256, utf8 } from "../../base/index.ts";
import { bounds } from "./bounds.ts";
import { advance } from "./clock.ts";
import { plus, pushBounded, tally } from "./entries.ts";
import type { TranscriptEvent } from "./facts.ts";
import { Ledger } from "./ledger.ts";
import { lensFor } from "./lens.ts";
import { emptyState, type TranscriptState } from "./state.ts";
import { clip } from "./text.ts";

const version = "1";

/** Events that Reach itself made of what it could not parse. */
const ownPrefix = "reach.";

/** The program; `Program` of the replay core. Its state is a `TranscriptState`. */
export const transcript = {
  name: "transcript",
  version,
  hash: sha256(utf8(`reach/program/transcript/${version}`)),

  init(_first: TranscriptEvent): TranscriptState {
    return emptyState();
  },

  reduce(state: unknown, event: TranscriptEvent): TranscriptState {
    const known = state as TranscriptState;
    known.events = plus(known.events, 1);
    const { type, seq } = event;
    tally(known.types, clip(type, bounds.nameBytesMax), bounds.typesMax);
    advance(known.clock, seq, event.time, known.sessions.count > 0);
    if (type.startsWith(ownPrefix)) {
      known.unparsed.count = plus(known.unparsed.count, 1);
      pushBounded(known.unparsed.last, seq, bounds.unparsedKept);
      return known;
    }
    const lens = lensFor(known, event);
    if (lens.reads(type)) lens.read(event, new Ledger(known, event));
    return known;
  },
} as const;
