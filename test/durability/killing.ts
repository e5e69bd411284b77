/**
 * Rounds of real kills: a process floods a data directory and writes down what was acknowledged,
 * SIGKILL ends it at a random moment, then everything acknowledged must be there, every event be
 * the one of its place, and every session verify.
 */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { equalBytes } from "../../src/base/index.ts";
import { Directory, verifySession } from "../../src/session/index.ts";
import { Child } from "./child.ts";
import { payloadOf, randomFrom } from "./drawn-payloads.mjs";

/** What rounds of kills have shown. */
export interface KillTally {
  kills: number;
  /** Acknowledgements written down, and events found. */
  acknowledged: number;
  found: number;
  /** Kills before anything could be written: while the directory was being recovered. */
  early: number;
  torn: number;
  /** Imports cut back to what they had acknowledged. */
  cut: number;
}

/** Rounds that share one data directory, before the next one begins. */
const roundsPerDirectory = 20;
/** Sessions that are verified after each kill; all of them at the end. */
const verifiedPerRound = 5;

/** What a session has to have at least. */
interface Promised {
  events: number;
  signed: number;
}

function promisedOf(file: string): Map<string, Promised> {
  const promised = new Map<string, Promised>();
  if (!fs.existsSync(file)) return promised;
  for (const line of fs.readFileSync(file, "utf8").split("\n").slice(0, -1)) {
    const [what, id = "", count = ""] = line.split(" ");
    const one = promised.get(id) ?? { events: 0, signed: 0 };
    if (what === "event") one.events = Math.max(one.events, Number(count) + 1);
    else one.signed = Math.max(one.signed, Number(count));
    promised.set(id, one);
  }
  return promised;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Starts a writer and kills it; half of them soon, while they recover what the last one left. */
async function killOne(data: string, notes: string, random: () => number): Promise<boolean> {
  const child = new Child("flood", data, notes, String(Math.floor(random() * 2 ** 32)));
  await child.expect("starting");
  const early = random() < 0.25;
  if (!early) await child.expect("writing");
  await pause(early ? random() * 15 : random() * 400);
  await child.kill();
  if (child.errors !== "") throw new Error(`the writer failed: ${child.errors}`);
  return early;
}

async function check(
  data: string,
  promised: Map<string, Promised>,
  random: () => number,
  all: boolean,
  tally: KillTally,
): Promise<number> {
  const directory = await Directory.open({ path: data, mode: "write" });
  const { recovery } = directory;
  if (recovery?.damage.length || recovery?.quarantined.length) {
    throw new Error(`a kill is taken for damage: ${JSON.stringify(recovery)}`);
  }
  if (recovery?.torn) tally.torn += 1;
  tally.cut += recovery?.cut.length ?? 0;
  const ids = directory.sessionIds();
  for (const id of promised.keys()) {
    if (!ids.includes(id)) throw new Error(`session ${id} is gone`);
  }
  const chosen = new Set(
    Array.from({ length: verifiedPerRound }, () => ids[Math.floor(random() * ids.length)]),
  );
  let found = 0;
  for (const id of ids) {
    found += checkSession(directory, id, promised.get(id));
    if (!all && !chosen.has(id)) continue;
    const { problems } = await verifySession(directory, id);
    if (problems.length > 0) throw new Error(`session ${id}: ${JSON.stringify(problems)}`);
  }
  await directory.close();
  return found;
}

function checkSession(directory: Directory, id: string, promised?: Promised): number {
  const reader = directory.session(id);
  try {
    let size = 0;
    for (const event of reader.events()) {
      if (!equalBytes(event.payloadBytes, payloadOf(id, size))) {
        throw new Error(`${id}@${size} is not what was written there`);
      }
      size += 1;
    }
    const { events = 0, signed = 0 } = promised ?? {};
    if (size < events) throw new Error(`session ${id} has ${size} events of ${events}`);
    const checkpoint = reader.checkpoint()?.size ?? 0;
    if (checkpoint < signed) throw new Error(`session ${id} lost its checkpoint over ${signed}`);
    if (checkpoint > size) throw new Error(`session ${id} is shorter than its checkpoint`);
    return size;
  } finally {
    reader.close();
  }
}

/** Kills a writer `rounds` times; throws when a promise is broken, with the round. */
export async function killWriters(rounds: number, seed: number): Promise<KillTally> {
  const random = randomFrom(seed);
  const tally = { kills: 0, acknowledged: 0, found: 0, early: 0, torn: 0, cut: 0 };
  while (tally.kills < rounds) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "reach-kills-"));
    const data = path.join(folder, "main");
    const notes = path.join(folder, "acknowledged");
    try {
      const last = Math.min(tally.kills + roundsPerDirectory, rounds);
      let found = 0;
      while (tally.kills < last) {
        if (await killOne(data, notes, random)) tally.early += 1;
        tally.kills += 1;
        // Every third time the next writer finds what the killed one left, and not what we mended.
        const end = tally.kills === last;
        if (end || random() > 0.33)
          found = await check(data, promisedOf(notes), random, end, tally);
      }
      tally.found += found;
      for (const { events } of promisedOf(notes).values()) tally.acknowledged += events;
    } catch (error) {
      throw new Error(`round ${tally.kills} of seed ${seed}: ${String(error)}`, { cause: error });
    } finally {
      fs.rmSync(folder, { recursive: true, force: true });
    }
  }
  return tally;
}
