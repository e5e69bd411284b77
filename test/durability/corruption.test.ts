// Corruption: in small data directories bytes are changed, files cut, emptied and deleted, frames
// put in wrong places. Each case ends in everything being there, or in a report that names the
// session and its first bad event while all other sessions go on. Here a sample; the slow suite
// tries every byte and every length.

import { beforeAll, describe, expect, it } from "vitest";
import { newTally, Patient, type Tally } from "./corruption.ts";
import { type Choice, cuts, type Damage, flips, losses } from "./damage.ts";
import { framesOf, misplacedFrames } from "./frames.ts";

/** Primes, so that other bytes are hit in each file; tables and headers come up in all of them. */
const flipStep = 701;
const cutStep = 1409;
const frameStep = 41;

describe.each(["clean", "crashed"] as const)("of the %s directory", { timeout: 60_000 }, (name) => {
  let patient: Patient;
  beforeAll(async () => {
    patient = await Patient.create(name);
  });

  async function endureAll(
    cases: (bytes: Uint8Array, file: number) => Iterable<Damage>,
    livesEvery = 5,
  ) {
    const tally = newTally();
    for (const [i, file] of patient.files().entries()) {
      for (const damage of cases(patient.bytesOf(file), i)) {
        await patient.endure(file, damage, tally, tally.cases % livesEvery === 0);
      }
    }
    return tally;
  }

  /** At least three places of each file. */
  function every(most: number, size: number, file: number): Choice {
    const step = Math.min(most, Math.ceil(size / 3));
    return { step, first: (17 * file) % Math.max(step, 1), dense: 64 * 1024 - 1 };
  }

  function expectAll({ cases, whole, reported, lost, refused }: Tally, least: number): void {
    expect(cases).toBeGreaterThan(least);
    expect(whole + reported + lost + refused).toBe(cases);
    expect(whole).toBeGreaterThan(0);
  }

  it("a byte is another one", async () => {
    const tally = await endureAll((bytes, i) => flips(bytes, every(flipStep, bytes.length, i)));
    expectAll(tally, 25);
    expect(tally.lost).toBeGreaterThan(0);
  });

  it("a file is cut off", async () => {
    const tally = await endureAll((bytes, i) => cuts(bytes, every(cutStep, bytes.length, i)));
    expectAll(tally, 25);
    expect(tally.lost).toBeGreaterThan(0);
  });

  it("a file is gone, or empty", async () => {
    expectAll(await endureAll(losses), 30);
  });

  it("the directory of a group of the journal is damaged, and nobody is disturbed", async () => {
    const tally = newTally();
    for (const file of patient.segments()) {
      const bytes = patient.bytesOf(file);
      for (const { start } of framesOf(file, bytes)) {
        const [damage] = flips(bytes, { step: bytes.length, first: start + 40, dense: 0 });
        if (damage) await patient.endure(file, damage, tally);
      }
    }
    expect(tally).toMatchObject({ whole: tally.cases, reported: 0, lost: 0 });
    expect(tally.cases).toBe(name === "clean" ? 0 : 7);
  });

  it("a frame is in a wrong place", async () => {
    const tally = newTally();
    let number = 0;
    for (const { file, damage } of misplacedFrames(patient)) {
      if (number % frameStep === 0) await patient.endure(file, damage, tally, number % 5 === 0);
      number += 1;
    }
    expectAll(tally, 10);
  });
});

describe("of a journal that alone has what was acknowledged", { timeout: 60_000 }, () => {
  it("a byte is another one, or its end is missing: what is lost is reported", async () => {
    const patient = await Patient.create("lost");
    const tally = newTally();
    for (const file of patient.segments()) {
      const bytes = patient.bytesOf(file);
      const choice = { step: flipStep, first: 900, dense: bytes.length };
      for (const damage of flips(bytes, choice)) await patient.endure(file, damage, tally);
      for (const damage of cuts(bytes, choice)) await patient.endure(file, damage, tally);
    }
    expect(tally.cases).toBeGreaterThan(25);
    expect(tally.whole).toBeGreaterThan(0);
    expect(tally.lost).toBeGreaterThan(0);
  });
});
