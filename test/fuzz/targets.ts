/** Every target. */
import type { FuzzTarget } from "./fuzz-target.ts";
import { batch } from "./targets/batch.ts";
import { bundle } from "./targets/bundle.ts";
import { bundlePayloads, bundleValues, importNotes } from "./targets/bundle-parts.ts";
import { cbor } from "./targets/cbor.ts";
import { event } from "./targets/event.ts";
import { importers, jsonPaths } from "./targets/importers.ts";
import { frames, segmentHeaders } from "./targets/journal.ts";
import { proofs, range, tiles } from "./targets/merkle.ts";
import { note, noteTexts } from "./targets/note.ts";
import { packs } from "./targets/packs.ts";
import { bulkMarker, eventIndex, manifest, snapshots } from "./targets/small-files.ts";

/** Every target, the cheap ones first. */
export const targets: readonly FuzzTarget[] = [
  cbor,
  event,
  batch,
  note,
  noteTexts,
  range,
  tiles,
  proofs,
  frames,
  segmentHeaders,
  eventIndex,
  bulkMarker,
  snapshots,
  manifest,
  bundleValues,
  bundlePayloads,
  importNotes,
  importers,
  jsonPaths,
  packs,
  bundle,
];
