// Every scenario, in the order in which they run.

import type { Scenario } from "../scenario.ts";
import { alive10000 } from "./alive.ts";
import { burst100, burst1000 } from "./burst.ts";
import { replayBusy, soak } from "./busy.ts";
import { paging, tails1000 } from "./reading.ts";
import { steady } from "./steady.ts";

/** Every scenario. */
export const scenarios: readonly Scenario[] = [
  burst100,
  steady,
  paging,
  burst1000,
  tails1000,
  replayBusy,
  alive10000,
  soak,
];
