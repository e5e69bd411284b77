// Corruption: in small data directories bytes are changed, files cut, emptied and deleted, frames
// put in wrong places. Each case ends in everything being there, or in a report that names the
// session and its first bad event while all other sessions go on. Here a sample; the slow suite
// tries every byte and every length.

import { beforeAll, describe, expect, it } from "vitest";
import { newTally, Patient, type Tally } from "./corruption.ts";
import { type Choice, cuts, type Damage, flips, losses } from "./damage.ts";
import { misplacedFrames } from "./frames.ts";

/** Primes, so that other bytes are hit in each file; tables and headers come up in all of them. */
const flipStep = 397;
const cutStep = 797;
const frameStep = 29;

describe.each(["clean", "crashed"] as const)("of the %s directory", { timeout: 60_000 }, (name) => {
  let patient: Patient;
  beforeAll(async () => {
    patient = await Patient.create(name);
  });

  async function endureAll(cases: (bytes: Uint8Array, file: number) => Iterable<Damage>) {
    const tally = newTally();
    for (const [i, file] of patient.files().entries()) {
      for (const damage of cases(patient.bytesOf(file), i)) {
        await patient.endure(file, damage, tally, tally.cases % 5 === 0);
      }
    }
    return tally;
  }

  function every(step: number, size: number, file: number): Choice {
    return { step, first: (17 * file) % Math.min(step, size || 1), dense: 64 * 1024 - 1 };
  }

  function expectAll({ cases, whole, reported, lost, refused }: Tally, least: number): void {
    expect(cases).toBeGreaterThan(least);
    expect(whole + reported + lost + refused).toBe(cases);
    expect(whole).toBeGreaterThan(0);
  }

  it("a byte is another one", async () => {
    const tally = await endureAll((bytes, i) => flips(bytes, every(flipStep, bytes.length, i)));
    expectAll(tally, 40);
    expect(tally.lost).toBeGreaterThan(0);
  });

  it("a file is cut off", async () => {
    const tally = await endureAll((bytes, i) => cuts(bytes, every(cutStep, bytes.length, i)));
    expectAll(tally, 30);
    expect(tally.lost).toBeGreaterThan(0);
  });

  it("a file is gone, or empty", async () => {
    expectAll(await endureAll(losses), 30);
  });

  it("a frame is in a wrong place", async () => {
    const tally = newTally();
    let number = 0;
    for (const { file, damage } of misplacedFrames(patient)) {
      if (number % frameStep === 0) await patient.endure(file, damage, tally, number % 5 === 0);
      number += 1;
    }
    expectAll(tally, 15);
  });
});
