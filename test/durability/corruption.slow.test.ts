// Corruption, all of it: every byte of every file is changed, every file is cut at every length,
// every frame is put in every wrong place. `corruption.test.ts` says what has to come of it.

import { beforeAll, describe, expect, it } from "vitest";
import { newTally, Patient, type Tally } from "./corruption.ts";
import { type Choice, cuts, type Damage, flips } from "./damage.ts";
import { misplacedFrames } from "./frames.ts";

/** After one case in this many, sessions are appended to and the directory is recovered again. */
const livesEvery = 7;

describe.each(["clean", "crashed"] as const)(
  "of the %s directory",
  { timeout: 3_600_000 },
  (name) => {
    let patient: Patient;
    beforeAll(async () => {
      patient = await Patient.create(name);
    });

    /** Every byte; of the reserve, which holds nothing, one in 64. */
    function choiceFor(file: string, size: number): Choice {
      return { step: 1, first: 0, dense: file.endsWith("reserve") ? 0 : size };
    }

    async function endureAll(cases: (bytes: Uint8Array, choice: Choice) => Iterable<Damage>) {
      const tally = newTally();
      for (const file of patient.files()) {
        const bytes = patient.bytesOf(file);
        for (const damage of cases(bytes, choiceFor(file, bytes.length))) {
          await patient.endure(file, damage, tally, tally.cases % livesEvery === 0);
        }
      }
      return tally;
    }

    function report(what: string, tally: Tally): void {
      console.log(`${name}, ${what}: ${JSON.stringify(tally)}`);
    }

    it("a byte is another one", async () => {
      const tally = await endureAll(flips);
      report("flips", tally);
      expect(tally.cases).toBeGreaterThan(10_000);
    });

    it("a file is cut off", async () => {
      const tally = await endureAll(cuts);
      report("cuts", tally);
      expect(tally.cases).toBeGreaterThan(10_000);
    });

    it("a frame is in a wrong place", async () => {
      const tally = newTally();
      for (const { file, damage } of misplacedFrames(patient)) {
        await patient.endure(file, damage, tally, tally.cases % livesEvery === 0);
      }
      report("frames", tally);
      expect(tally.cases).toBeGreaterThan(500);
    });
  },
);

describe("of a journal that alone has what was acknowledged", { timeout: 3_600_000 }, () => {
  it("a byte is another one, or its end is missing: what is lost is reported", async () => {
    const patient = await Patient.create("lost");
    const tally = newTally();
    for (const file of patient.segments()) {
      const bytes = patient.bytesOf(file);
      const choice = { step: 1, first: 0, dense: bytes.length };
      for (const damage of flips(bytes, choice)) await patient.endure(file, damage, tally);
      for (const damage of cuts(bytes, choice)) await patient.endure(file, damage, tally);
    }
    console.log(`lost: ${JSON.stringify(tally)}`);
    expect(tally.cases).toBeGreaterThan(10_000);
    expect(tally.whole).toBeGreaterThan(0);
    expect(tally.lost).toBeGreaterThan(0);
  });
});
