// Verifying 100,000 events, beside a loop that reads the same bytes and hashes each event: in fresh
// processes, as the command does it, and in processes that have done it before, as a server does. A
// second floor hashes the nodes of the RFC 6962 tree as well, which whoever compares a root has to.

import { hash } from "node:crypto";
import { Directory, verifySession } from "../../../src/session/index.ts";
import type { Bench, Pairs, Part } from "../bench.ts";
import { plainInput, sessionInput } from "../inputs.ts";
import { type Facts, measured, type Work } from "../measurement.ts";
import { forEachPlain } from "../plain-log.ts";
import { memoryRow, timesRow } from "../rows.ts";
import type { Row, Scenario } from "../scenario.ts";

export const verify: Scenario = {
  name: "verify",
  long: false,
  async run(bench: Bench): Promise<readonly Row[]> {
    const events = bench.events(100_000);
    const session = await sessionInput(bench, events);
    const file = await plainInput(bench, session);
    const module = "scenarios/verify";
    const rounds = bench.rounds(5);
    const turns = (tree: boolean, again: boolean): Promise<Pairs> => {
      const floor: Part = { module, name: "readAndHash", input: { file, tree, again } };
      const reach: Part = { module, name: "verified", input: { ...session, again } };
      return bench.pairs(rounds, { floor, reach });
    };
    const pairs = await turns(false, false);
    const againPairs = await turns(false, true);
    const treePairs = await turns(true, false);
    const what = `verify of ${events} events`;
    return [
      timesRow(`${what}; read, each event hashed (floor)`, pairs, 1.5),
      timesRow("the same in a process that has done it before", againPairs, 1.5),
      timesRow("the same, fresh; the nodes of the tree hashed as well (floor)", treePairs),
      memoryRow(`${what}: peak RSS`, pairs.reach),
    ];
  },
};

/** Reads and hashes each event, with `tree` also the nodes above them. */
export function readAndHash(input: {
  readonly file: string;
  readonly tree: boolean;
  readonly again: boolean;
}): Promise<Work> {
  const work = (): Facts => {
    let events = 0;
    let last: Uint8Array | undefined;
    const tree = new BareTree();
    forEachPlain(input.file, (bytes, start, end) => {
      last = hash("sha256", bytes.subarray(start, end), "buffer");
      if (input.tree) tree.append(last);
      events += 1;
    });
    return { events, last: last?.at(0) ?? null, nodes: tree.nodes };
  };
  if (input.again) work();
  return measured(work);
}

/** The frontier of an RFC 6962 tree and nothing else. */
class BareTree {
  readonly #frontier: Uint8Array[] = [];
  readonly #preimage = Buffer.alloc(65, 1);
  #size = 0;
  nodes = 0;

  append(leaf: Uint8Array): void {
    let node = leaf;
    for (let size = this.#size; size % 2 === 1; size = Math.floor(size / 2)) {
      this.#preimage.set(this.#frontier.pop() as Uint8Array, 1);
      this.#preimage.set(node, 33);
      node = hash("sha256", this.#preimage, "buffer");
      this.nodes += 1;
    }
    this.#frontier.push(node);
    this.#size += 1;
  }
}

/** Verifies a session: integrity and completeness. */
export async function verified(input: {
  readonly root: string;
  readonly id: string;
  readonly again: boolean;
}): Promise<Work> {
  const directory = await Directory.open({ path: `${input.root}/default`, mode: "read" });
  const verifyOnce = async (): Promise<Facts> => {
    const { integrity, completeness, events } = await verifySession(directory, input.id);
    return { integrity, completeness, events };
  };
  if (input.again) await verifyOnce();
  const work = await measured(verifyOnce);
  await directory.close();
  const { integrity, completeness } = work.facts;
  if (integrity === "intact" && completeness === "complete") return work;
  throw new Error(`verify says ${JSON.stringify(work.facts)}`);
}
