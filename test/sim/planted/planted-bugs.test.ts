// The bugs that the simulation must catch can still be planted: the code has not grown away from
// them. Whether they are caught takes longer, and is asked in the slow tests.

import { expect, it } from "vitest";
import { planted, plantedBugs } from "./planted-bugs.ts";

it.each(plantedBugs)("$name can be planted", async (bug) => {
  expect(await planted(bug)).toContain(bug.instead);
});
