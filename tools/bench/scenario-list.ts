// All scenarios in the order in which they are run: what takes long comes last.

import type { Scenario } from "./scenario.ts";
import { append } from "./scenarios/append.ts";
import { blobStore } from "./scenarios/blobs.ts";
import { importArray } from "./scenarios/import-array.ts";
import { importLog } from "./scenarios/import-log.ts";
import { isolation } from "./scenarios/isolation.ts";
import { million } from "./scenarios/million.ts";
import { pages } from "./scenarios/pages.ts";
import { replay } from "./scenarios/replay.ts";
import { replayWorkers } from "./scenarios/replay-workers.ts";
import { resent } from "./scenarios/resent.ts";
import { resume } from "./scenarios/resume.ts";
import { sandbox } from "./scenarios/sandbox.ts";
import { state } from "./scenarios/state.ts";
import { steps } from "./scenarios/steps.ts";
import { tails } from "./scenarios/tails.ts";
import { values } from "./scenarios/values.ts";
import { verify } from "./scenarios/verify.ts";
import { waiting } from "./scenarios/waiting.ts";

/** Every scenario. */
export const scenarios: readonly Scenario[] = [
  replay,
  replayWorkers,
  verify,
  state,
  append,
  resent,
  importArray,
  values,
  sandbox,
  steps,
  resume,
  tails,
  blobStore,
  importLog,
  pages,
  waiting,
  isolation,
  million,
];
