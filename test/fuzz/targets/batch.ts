/** Batches: what is accepted fills its bytes exactly, event by event, at its place only. */
import { equalBytes, writeU32 } from "../../../src/base/index.ts";
import {
  BatchBuilder,
  BatchWalk,
  batchHeaderBytes,
  batchProducer,
  batchSize,
  EventView,
  readBatch,
  sealBatch,
} from "../../../src/event/index.ts";
import { leafHash } from "../../../src/merkle/index.ts";
import { attempt, type FuzzTarget, promise } from "../fuzz-target.ts";
import { dataOf, headerOf, lookAt } from "./event.ts";
import { hashOf } from "./values.ts";

const identity = hashOf("session").subarray(0, 16);
const otherIdentity = hashOf("another session").subarray(0, 16);
const fileOffset = 64;

/** Batches of an event log. */
export const batch: FuzzTarget = {
  name: "batch",
  weight: 15,
  bytesMax: 8192,
  words: ["RBT1", new Uint8Array(48)],
  seeds(random) {
    return Array.from({ length: 30 }, () => {
      const builder = new BatchBuilder();
      const first = random.pick([0, 1, 50, 2 ** 32]);
      const count = random.pick([1, 2, 3, 50]);
      for (let i = 0; i < count; i++) {
        const data = count === 50 ? Uint8Array.of(0xf6) : dataOf(random);
        builder.add(headerOf(random, first + i), random.bytes(16), data);
      }
      const bytes = builder.finish({ id: 7, epoch: 1, sequence: random.int(9) });
      sealBatch(bytes, identity, fileOffset);
      return bytes;
    });
  },
  repair(input, random) {
    if (input.length < batchHeaderBytes) return;
    if (random.chance(0.7)) writeU32(input, 4, input.length - batchHeaderBytes);
    sealBatch(input, identity, fileOffset);
  },
  check(input) {
    const size = batchSize(input, 0);
    const found = readBatch(input, 0, identity, fileOffset);
    if (typeof found === "string") return;
    promise(size === found.end && found.end <= input.length, "a batch lies inside its bytes");
    promise(found.count >= 1 && found.count <= 50, "a batch has 1 to 50 events");
    const walk = new BatchWalk(found);
    let events = 0;
    let end = found.bodyStart;
    while (walk.next()) {
      events += 1;
      const preimage = walk.preimage();
      end += 2 + preimage.length;
      promise(equalBytes(preimage.subarray(1), walk.event()), "a preimage is a zero and an event");
      promise(leafHash(preimage).length === 32, "each preimage is one of a leaf");
      const view = attempt("an event of a batch", ["CORRUPT"], () => new EventView(walk.event()));
      if (!view) continue;
      promise(view.seq === found.firstSeq + events - 1, "each event has the seq of its place");
      lookAt(view);
    }
    promise(events === found.count && end === found.end, "the events fill the batch");
    batchProducer(input, 0);
    this.checkPlace(input);
  },
  checkPlace(input: Uint8Array) {
    const elsewhere = readBatch(input, 0, otherIdentity, fileOffset);
    promise(typeof elsewhere === "string", "a batch is none in another session");
    promise(typeof readBatch(input, 0, identity, 65) === "string", "nor at another offset");
    const shifted = new Uint8Array(input.length + 7);
    shifted.set(input, 7);
    const found = readBatch(shifted, 7, identity, fileOffset);
    promise(typeof found !== "string", "where a batch lies in a buffer does not matter");
  },
} as FuzzTarget & { checkPlace(input: Uint8Array): void };
