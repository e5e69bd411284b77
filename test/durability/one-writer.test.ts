// One writer: real processes race for a data directory. One of them gets it, the others are told
// who has it; a writer that was stopped through a takeover acknowledges nothing when it goes on;
// the lock of a dead process is taken at once, by exactly one of two, also when its pid lives on.

import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fromUtf8, utf8 } from "../../src/base/index.ts";
import { Directory, verifySession } from "../../src/session/index.ts";
import { Child } from "./child.ts";

const contests = 50;
const hostname = os.hostname();

let folder: string;
let data: string;
let children: Child[];

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "reach-writers-"));
  data = path.join(folder, "main");
  children = [];
});

afterEach(async () => {
  await Promise.all(children.map((child) => child.kill()));
  fs.rmSync(folder, { recursive: true, force: true });
});

async function start(): Promise<Child> {
  const child = new Child("obey");
  children.push(child);
  await child.expect("ready");
  return child;
}

async function created(child: Child): Promise<string> {
  return (await child.ask("create")).replace("created ", "");
}

/** The texts of a session's events, from the second on; the session verifies. */
async function textsOf(id: string): Promise<string[]> {
  const directory = await Directory.open({ path: data, mode: "read" });
  try {
    const report = await verifySession(directory, id);
    expect(report.problems).toEqual([]);
    const reader = directory.session(id);
    const texts = [...reader.events(1)].map(({ payloadBytes }) => fromUtf8(payloadBytes));
    reader.close();
    return texts;
  } finally {
    await directory.close();
  }
}

/** A data directory whose writer was killed, and the lock that it left. */
async function killedWriter(): Promise<{ id: string; lock: string; pid: number }> {
  const child = await start();
  expect(await child.ask(`open ${data}`)).toBe(`owns ${child.pid}`);
  const id = await created(child);
  await child.kill();
  const lock = fs.readdirSync(data).find((name) => name.startsWith("lock.")) as string;
  return { id, lock, pid: child.pid };
}

/** Has two processes open the same directory at the same moment; which answers they give. */
async function contest(two: readonly Child[], target: string): Promise<string[]> {
  for (const child of two) child.tell(`open ${target}`);
  return Promise.all(two.map(async (child) => (await child.line()) ?? "ended"));
}

/** Exactly one of two owns the directory, and the other one is told who has it. */
async function oneOwns(two: readonly Child[], answers: readonly string[]): Promise<void> {
  const owners = two.filter((child, i) => answers[i] === `owns ${child.pid}`);
  expect(owners, answers.join(" | ")).toHaveLength(1);
  const [owner] = owners as [Child];
  const loser = answers.find((answer) => !answer.startsWith("owns"));
  expect(loser).toMatch(/^failed LOCKED /);
  expect(loser).toContain(`process ${owner.pid} on ${hostname}`);
  expect(await owner.ask("close")).toBe("closed");
}

describe("two processes that want to write", () => {
  it("one gets the data directory, the other one is told who has it", async () => {
    const two = [await start(), await start()];
    await oneOwns(two, await contest(two, data));
  });

  it("one appends to the session, the other one cannot before it has ended", async () => {
    const [first, second] = [await start(), await start()];
    await first.ask(`open ${data}`);
    const id = await created(first);
    expect(await first.ask(`append ${id} from-the-first`)).toBe("appended 1");
    expect(await second.ask(`open ${data}`)).toContain(
      `failed LOCKED ${data} is being written by process ${first.pid} on ${hostname}`,
    );
    expect(await first.ask(`append ${id} again`)).toBe("appended 2");
    await first.ask("close");
    expect(await second.ask(`open ${data}`)).toBe(`owns ${second.pid}`);
    expect(await second.ask(`append ${id} from-the-second`)).toBe("appended 3");
    await second.ask("close");
    expect(await textsOf(id)).toEqual(["from-the-first", "again", "from-the-second"]);
  });
});

describe("a writer that is stopped while another one takes over", () => {
  it("acknowledges nothing when it goes on, and what the new one wrote stands", async () => {
    const [sleeper, successor] = [await start(), await start()];
    await sleeper.ask(`open ${data}`);
    const id = await created(sleeper);
    await sleeper.ask(`append ${id} before`);
    sleeper.stop();
    sleeper.tell(`append ${id} asleep`);
    expect(await successor.ask(`open ${data} over`)).toBe(`owns ${successor.pid}`);
    expect(await successor.ask(`append ${id} after`)).toBe("appended 2");
    sleeper.wake();
    expect(await sleeper.line()).toMatch(/^failed FENCED /);
    expect(await sleeper.ask(`append ${id} again`)).toMatch(/^failed FENCED /);
    expect(await sleeper.ask("create")).toMatch(/^failed FENCED /);
    expect(await sleeper.ask("close")).toMatch(/^failed FENCED /);
    expect(await successor.ask(`append ${id} last`)).toBe("appended 3");
    await successor.ask("close");
    expect(await textsOf(id)).toEqual(["before", "after", "last"]);
  });

  it("imports nothing either", async () => {
    const [sleeper, successor] = [await start(), await start()];
    await sleeper.ask(`open ${data}`);
    const id = await created(sleeper);
    sleeper.stop();
    sleeper.tell(`import ${id} 100`);
    await successor.ask(`open ${data} over`);
    expect(await successor.ask(`append ${id} after`)).toBe("appended 1");
    sleeper.wake();
    expect(await sleeper.line()).toMatch(/^failed FENCED /);
    await successor.ask("close");
    expect(await textsOf(id)).toEqual(["after"]);
  });

  it.each([3, 20, 55, 90])("keeps its promises when stopped after %i ms of a flood", async (ms) => {
    const notes = path.join(folder, "acknowledged");
    const flood = new Child("flood", data, notes, String(ms));
    children.push(flood);
    await flood.expect("starting");
    await flood.expect("writing");
    const successor = await start();
    await new Promise((resolve) => setTimeout(resolve, ms));
    flood.stop();
    expect(await successor.ask(`open ${data} over`)).toBe(`owns ${successor.pid}`);
    const id = await created(successor);
    flood.wake();
    // An import that is about to begin finds that its marker has been cleared away.
    expect(await flood.line()).toMatch(/^ended (?:FENCED|NOT_FOUND)$/);
    expect(await successor.ask(`append ${id} after`)).toBe("appended 1");
    await successor.ask("close");
    expect(await textsOf(id)).toEqual(["after"]);
    await everythingIsThere(notes);
  });
});

/** Every event that was acknowledged is there, and every session verifies. */
async function everythingIsThere(notes: string): Promise<void> {
  const directory = await Directory.open({ path: data, mode: "read" });
  const least = new Map<string, number>();
  for (const line of fs.readFileSync(notes, "utf8").split("\n").slice(0, -1)) {
    const [what, id = "", seq = ""] = line.split(" ");
    if (what === "event") least.set(id, Math.max(least.get(id) ?? 0, Number(seq) + 1));
  }
  for (const [id, size] of least) {
    const report = await verifySession(directory, id);
    expect(report.problems).toEqual([]);
    expect(report.events).toBeGreaterThanOrEqual(size);
  }
  await directory.close();
}

describe("the lock of a killed process", () => {
  it("is taken at once, and what it had acknowledged is there", async () => {
    const { id } = await killedWriter();
    const next = await start();
    expect(await next.ask(`open ${data}`)).toBe(`owns ${next.pid}`);
    expect(await next.ask(`append ${id} after`)).toBe("appended 1");
    await next.ask("close");
    expect(await textsOf(id)).toEqual(["after"]);
  });

  it("is taken when its pid belongs to another process now", async () => {
    const { lock } = await killedWriter();
    const place = path.join(data, lock);
    const content = JSON.parse(fs.readFileSync(place, "utf8"));
    // A process that is alive, and that began at another time.
    fs.writeFileSync(place, utf8(JSON.stringify({ ...content, pid: process.pid }).padEnd(512)));
    const next = await start();
    expect(await next.ask(`open ${data}`)).toBe(`owns ${next.pid}`);
    await next.ask("close");
  });

  it("is respected when its process lives", async () => {
    const { lock } = await killedWriter();
    const other = await start();
    const place = path.join(data, lock);
    const content = JSON.parse(fs.readFileSync(place, "utf8"));
    const stat = fs.readFileSync(`/proc/${other.pid}/stat`, "utf8");
    const started = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    const forged = { ...content, pid: other.pid, started };
    fs.writeFileSync(place, utf8(JSON.stringify(forged).padEnd(512)));
    const next = await start();
    expect(await next.ask(`open ${data}`)).toContain(`process ${other.pid} on ${hostname}`);
  });

  it(`is taken by exactly one of two, ${contests} times`, { timeout: 120_000 }, async () => {
    const { lock } = await killedWriter();
    const place = (target: string): string => path.join(target, lock);
    const content = JSON.parse(fs.readFileSync(place(data), "utf8"));
    const two = [await start(), await start()];
    for (let i = 0; i < contests; i++) {
      const target = path.join(folder, `contest-${i}`);
      // A socket cannot be copied, and the one of the dead says nothing more.
      const filter = (file: string): boolean => !file.endsWith(".sock");
      fs.cpSync(data, target, { recursive: true, filter });
      if (i % 2 === 1) {
        const reused = { ...content, pid: process.pid };
        fs.writeFileSync(place(target), utf8(JSON.stringify(reused).padEnd(512)));
      }
      await oneOwns(two, await contest(two, target));
      fs.rmSync(target, { recursive: true });
    }
  });
});
