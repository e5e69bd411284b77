// A process of its own that writes a data directory with the built package, for tests that kill and
// stop it. `writer.mjs flood <folder> <acknowledgements> <seed>` appends to 100 sessions, imports
// and signs as fast as it can, and notes what was acknowledged, one line each, with a single write
// to a file opened with O_APPEND. `writer.mjs obey` does what it is told on standard input.

import { openSync, writeSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";
import { Directory } from "../../dist/session/index.js";
import { payloadOf, randomFrom } from "./drawn-payloads.mjs";

const sessions = 100;
const sizes = {
  segmentBytes: 256 * 1024,
  groupBytesMax: 128 * 1024,
  reserveBytes: 256 * 1024,
  zeroStepBytesMin: 64 * 1024,
};

const header = { kind: "emit", type: "killed", time: 1_700_000_000_000, ref: null };

/** @param {string} text */
function say(text) {
  writeSync(1, `${text}\n`);
}

class Flood {
  /**
   * @param {Directory} directory
   * @param {number} acknowledgements descriptor
   * @param {() => number} random
   */
  constructor(directory, acknowledgements, random) {
    this.directory = directory;
    this.acknowledgements = acknowledgements;
    this.random = random;
    this.begun = false;
  }

  /** @param {string} line */
  note(line) {
    if (!this.begun) say("writing");
    this.begun = true;
    writeSync(this.acknowledgements, `${line}\n`);
  }

  async run() {
    const ids = this.directory.sessionIds();
    const all = Array.from({ length: sessions }, (_, i) => this.session(ids[i], i));
    await Promise.all(all);
  }

  /**
   * A few sessions import most of the time, so that kills hit imports as well.
   * @param {string | undefined} known
   * @param {number} number
   */
  async session(known, number) {
    let writer = known ? this.directory.appendTo(known) : this.directory.createSession();
    const imports = number % 20 === 0 ? 0.6 : 0.01;
    for (;;) {
      const chance = this.random();
      if (chance < imports) writer = await this.bulk(writer);
      else if (chance < imports + 0.05) await this.sign(writer);
      else await this.append(writer, 1 + Math.floor(this.random() * 4));
    }
  }

  async append(writer, count) {
    const { id } = writer;
    const appended = Array.from({ length: count }, () => {
      const bytes = payloadOf(id, writer.nextSeq);
      return writer.append({ ...header, form: "bytes", bytes });
    });
    for (const { seq, durable } of appended) {
      await durable;
      this.note(`event ${id} ${seq}`);
    }
  }

  async sign(writer) {
    await writer.flush();
    const { size } = writer.tail;
    if (size === 0) return;
    await this.directory.signCheckpoint(writer);
    this.note(`signed ${writer.id} ${size}`);
  }

  async bulk(writer) {
    const { id } = writer;
    await this.directory.closeWriter(writer);
    if (!this.directory.sessionIds().includes(id)) return this.directory.createSession({ id });
    const bulk = await this.directory.openBulk({ id });
    for (let steps = 1 + Math.floor(this.random() * 3); steps > 0; steps--) {
      for (let i = Math.floor(this.random() * 120); i >= 0; i--) {
        bulk.append(header, "bytes", payloadOf(id, bulk.nextSeq));
      }
      const last = bulk.nextSeq - 1;
      await bulk.watermark();
      this.note(`event ${id} ${last}`);
    }
    const size = bulk.nextSeq;
    await this.directory.closeWriter(bulk);
    this.note(`signed ${id} ${size}`);
    return this.directory.appendTo(id);
  }
}

async function flood([path, acknowledgements, seed, mode]) {
  const file = openSync(acknowledgements, "a");
  // Whoever started this one and has ended does not want it to go on.
  process.stdin.on("close", () => process.exit(1)).resume();
  say("starting");
  const directory = await Directory.open({ path, mode: "write", sizes, takeOver: mode === "over" });
  try {
    await new Flood(directory, file, randomFrom(Number(seed))).run();
  } catch (error) {
    say(`ended ${error.code}`);
    throw error;
  }
}

/** Commands, one per line: what is done is answered with one line each. */
async function obey() {
  let directory;
  const commands = {
    async open(path, takeOver) {
      directory = await Directory.open({ path, mode: "write", takeOver: takeOver === "over" });
      return `owns ${process.pid}`;
    },
    async create() {
      const writer = directory.createSession();
      await writer.append({ ...header, form: "bytes", bytes: payloadOf(writer.id, 0) }).durable;
      await directory.closeWriter(writer);
      return `created ${writer.id}`;
    },
    async append(id, text) {
      const writer = directory.appendTo(id);
      try {
        const bytes = new TextEncoder().encode(text);
        const { seq, durable } = writer.append({ ...header, form: "bytes", bytes });
        await durable;
        return `appended ${seq}`;
      } finally {
        await directory.closeWriter(writer).catch(() => undefined);
      }
    },
    async import(id, count) {
      const bulk = await directory.openBulk({ id });
      for (let i = 0; i < Number(count); i++) bulk.append(header, "bytes", payloadOf(id, i));
      await directory.closeWriter(bulk);
      return `imported ${bulk.nextSeq}`;
    },
    async close() {
      await directory.close();
      return "closed";
    },
  };
  say("ready");
  for await (const line of createInterface({ input: process.stdin })) {
    const [name = "", ...parts] = line.split(" ");
    try {
      say(await commands[name](...parts));
    } catch (error) {
      say(`failed ${error.code} ${error.message}`);
    }
  }
}

if (process.argv[2] === "flood") await flood(process.argv.slice(3));
if (process.argv[2] === "obey") await obey();
