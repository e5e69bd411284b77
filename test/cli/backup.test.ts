// `reach backup`: what is in it, what a second one copies, where it is refused, what becomes of it
// when it is interrupted, and that damage on one side does not spread to the other.

import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { Workbench } from "./reach-command.ts";
import { claudeSession, ndjson } from "./transcripts.ts";

interface Told {
  readonly sessions: number;
  readonly events: number;
  readonly removed: number;
  readonly copiedBytes: number;
  readonly presentBytes: number;
  readonly tokens: number;
  readonly troubles: readonly { where: string; message: string }[];
  readonly onlyInBackup: readonly string[];
}

/** The log of a session in the backup. */
function logIn(bench: Workbench, id: string): string {
  return bench.path("copy/default/sessions", id.slice(-2), id, "events.log");
}

function flip(file: string, at: number): void {
  const bytes = fs.readFileSync(file);
  bytes[at] = (bytes[at] as number) ^ 1;
  fs.writeFileSync(file, bytes);
}

/** What somebody reads of every session. */
async function contents(bench: Workbench, data: string): Promise<string> {
  const { sessions } = await bench.json<{ sessions: { id: string }[] }>(["--data", data, "ls"]);
  const texts = [];
  for (const { id } of sessions) {
    texts.push((await bench.run(["--data", data, "events", id, "--ndjson"])).stdout);
  }
  return texts.join("\n");
}

describe("reach backup", () => {
  it("makes a data directory with the same sessions, which verify", async () => {
    const bench = new Workbench();
    await bench.import("a.jsonl", claudeSession(40));
    await bench.import("b.jsonl", ndjson(300));
    const { code, stdout, stderr } = await bench.run(["backup", "copy"]);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr:
        "the backup holds the signing key: whoever has it can sign as this directory " +
        "(--without-keys leaves it out)\n",
    });
    expect(stdout).toMatch(/^backed up 2 sessions, \d+ events {3}.* copied {3}0 B there already/);
    expect(await contents(bench, "copy")).toBe(await contents(bench, ".reach"));
    expect((await bench.run(["--data", "copy", "verify", "--all"])).code).toBe(0);
    expect((await bench.run(["--data", "copy", "doctor"])).code).toBe(0);
    // Appends go on in it.
    const more = bench.write("c.jsonl", ndjson(5, 40));
    expect((await bench.run(["--data", "copy", "import", more])).code).toBe(0);
  });

  it("copies only what is new the second time", async () => {
    const bench = new Workbench();
    await bench.import("a.jsonl", ndjson(3000));
    const first = await bench.json<Told>(["backup", "copy"]);
    const same = await bench.json<Told>(["backup", "copy"]);
    expect(same).toMatchObject({ sessions: 1, events: first.events, copiedBytes: 0 });
    expect(same.presentBytes).toBeGreaterThan(0);
    await bench.import("a.jsonl", ndjson(3010));
    await bench.import("b.jsonl", ndjson(10, 70));
    const more = await bench.json<Told>(["backup", "copy"]);
    expect(more.sessions).toBe(2);
    expect(more.copiedBytes).toBeLessThan(first.copiedBytes / 4);
    expect(await contents(bench, "copy")).toBe(await contents(bench, ".reach"));
    expect((await bench.run(["--data", "copy", "verify", "--all"])).code).toBe(0);
  });

  it("takes all workspaces and the tokens there are", async () => {
    const bench = new Workbench();
    await bench.import("a.jsonl", ndjson(5));
    const file = bench.write("b.jsonl", ndjson(7));
    await bench.run(["import", file, "--workspace", "other"]);
    const token = ["token", "create", "--name", "x", "--scope", "admin"];
    const { id } = await bench.json<{ id: string }>(token);
    await bench.json(token);
    expect((await bench.json<Told>(["backup", "copy"])).tokens).toBe(2);
    await bench.run(["token", "revoke", id]);
    expect((await bench.json<Told>(["backup", "copy"])).tokens).toBe(1);
    expect(fs.readdirSync(bench.path("copy/.access"))).toEqual(
      fs.readdirSync(bench.path(".reach/.access")),
    );
    const other = ["--data", "copy", "--workspace", "other", "ls"];
    expect((await bench.json<{ total: number }>(other)).total).toBe(1);
    expect((await bench.run(["backup", "copy", "--workspace", "other"])).code).toBe(2);
  });

  it("leaves the keys out where it is told to, also of a backup that has them", async () => {
    const bench = new Workbench();
    const id = await bench.import("a.jsonl", ndjson(5));
    await bench.run(["backup", "copy"]);
    const { stderr } = await bench.run(["backup", "copy", "--without-keys"]);
    expect(stderr).toBe("");
    expect(fs.existsSync(bench.path("copy/default/keys/signing.key"))).toBe(false);
    expect((await bench.run(["--data", "copy", "verify", id])).code).toBe(0);
    const written = await bench.run(["--data", "copy", "gc"]);
    expect(written.code).toBe(4);
    expect(written.stderr).toContain("signing.key is missing");
  });

  it("removes what was removed, and keeps what is only missing", async () => {
    const bench = new Workbench();
    const removed = await bench.import("a.jsonl", ndjson(5));
    const missing = await bench.import("b.jsonl", ndjson(6, 50));
    await bench.import("c.jsonl", ndjson(7, 90));
    await bench.run(["backup", "copy"]);
    await bench.run(["rm", removed, "--yes"]);
    await bench.run(["gc"]);
    fs.rmSync(path.dirname(bench.logOf(missing)), { recursive: true });
    const told = await bench.json<Told>(["backup", "copy", "--verify"]);
    expect(told).toMatchObject({ sessions: 1, removed: 1, onlyInBackup: [missing], troubles: [] });
    const gone = await bench.run(["--data", "copy", "show", removed]);
    expect(gone.stderr).toContain("has been removed");
    expect((await bench.run(["--data", "copy", "verify", missing])).code).toBe(0);
  });
});

describe("a folder for a backup", () => {
  it("is refused where it holds something else, and where one lies in the other", async () => {
    const bench = new Workbench();
    await bench.import("a.jsonl", ndjson(5));
    bench.write("full/note.txt", "mine");
    const cases: [string, number, string][] = [
      ["full", 1, "is not empty, and no backup"],
      [".reach/copy", 2, "lie in each other"],
      [".", 2, "lie in each other"],
      ["a.jsonl", 2, "is a file"],
      ["", 2, "names no folder"],
    ];
    fs.symlinkSync(bench.path(".reach/default"), bench.path("link"));
    cases.push(["link", 2, "lie in each other"]);
    for (const [folder, code, message] of cases) {
      const ended = await bench.run(["backup", folder]);
      expect({ folder, code: ended.code }).toEqual({ folder, code });
      expect(ended.stderr).toContain(message);
    }
    expect(fs.readdirSync(bench.path("full"))).toEqual(["note.txt"]);
  });

  it("is refused where it is another backup, or has been written to since", async () => {
    const bench = new Workbench();
    const file = bench.write("a.jsonl", ndjson(5));
    await bench.run(["import", file]);
    await bench.run(["--data", "other", "import", file]);
    await bench.run(["backup", "copy"]);
    const other = await bench.run(["--data", "other", "backup", "copy"]);
    expect(other.code).toBe(1);
    expect(other.stderr).toContain("the backup of another data directory");
    await bench.run(["--data", "copy", "gc"]);
    const written = await bench.run(["backup", "copy"]);
    expect(written.code).toBe(1);
    expect(written.stderr).toContain("opened for writing since");
  });
});

describe("a backup that was interrupted", () => {
  it("is refused as data before the first one is complete, and completed by the next", async () => {
    const bench = new Workbench();
    const id = await bench.import("a.jsonl", ndjson(2000));
    await bench.run(["backup", "copy"]);
    const whole = fs.readFileSync(logIn(bench, id));
    // As if it had come as far as half of the log.
    const name = path.relative(bench.path("copy/default"), logIn(bench, id));
    const half = bench.path("copy/default/backup/next", name);
    fs.mkdirSync(path.dirname(half), { recursive: true });
    fs.writeFileSync(half, whole.subarray(0, whole.indexOf("RBT1", whole.length / 2)));
    for (const there of fs.readdirSync(bench.path("copy/default"))) {
      if (there !== "backup") fs.rmSync(bench.path("copy/default", there), { recursive: true });
    }
    fs.rmSync(bench.path("copy/default/backup/state.json"));
    for (const args of [["ls"], ["gc"], ["import", bench.path("a.jsonl")]]) {
      const refused = await bench.run(["--data", "copy", ...args]);
      expect({ args, code: refused.code }).toEqual({ args, code: 7 });
      expect(refused.stderr).toContain("was interrupted: it is incomplete");
      expect(refused.stderr).toContain("run the same `reach backup` again");
    }
    const again = await bench.json<Told>(["backup", "copy"]);
    expect(again.copiedBytes).toBeLessThan(whole.length * 0.7);
    expect(Buffer.compare(fs.readFileSync(logIn(bench, id)), whole)).toBe(0);
  });

  it("is put in its place without the source once everything has been gathered", async () => {
    const bench = new Workbench();
    const id = await bench.import("a.jsonl", ndjson(50));
    await bench.run(["backup", "copy"]);
    const before = fs.readFileSync(logIn(bench, id));
    await bench.import("a.jsonl", ndjson(90));
    await bench.run(["backup", "copy"]);
    const after = fs.readFileSync(logIn(bench, id));
    // As if it had been killed before the end of the log was in its place.
    const folder = bench.path("copy/default/backup");
    const name = path.relative(bench.path("copy/default"), logIn(bench, id));
    const part = path.join(folder, "next", `${name}@${before.length}`);
    fs.mkdirSync(path.dirname(part), { recursive: true });
    fs.writeFileSync(part, after.subarray(before.length));
    fs.writeFileSync(logIn(bench, id), before);
    fs.renameSync(path.join(folder, "state.json"), path.join(folder, "apply"));
    expect((await bench.run(["--data", "copy", "ls"])).code).toBe(7);
    fs.rmSync(bench.path(".reach"), { recursive: true });
    const told = await bench.run(["backup", "copy"]);
    expect(told.code).toBe(5);
    expect(told.stderr).toContain("there is no Reach data directory");
    expect(Buffer.compare(fs.readFileSync(logIn(bench, id)), after)).toBe(0);
    expect((await bench.run(["--data", "copy", "verify", id])).code).toBe(0);
  });

  it("by Ctrl-C goes on where it was", async () => {
    const bench = new Workbench();
    const lines = Array.from({ length: 30_000 }, (_, n) => `{"n":${n},"t":"${"x".repeat(900)}"}`);
    await bench.import("a.jsonl", lines.join("\n"));
    const child = bench.start(["backup", "copy"]);
    const gathered = bench.path("copy/default/backup/next/sessions");
    while (!fs.existsSync(gathered)) await new Promise((resolve) => setTimeout(resolve, 1));
    child.kill("SIGINT");
    const code = await new Promise((resolve) => child.once("exit", resolve));
    // On a fast machine it may have been done.
    if (code !== 0) {
      expect(code).toBe(130);
      expect((await bench.run(["--data", "copy", "ls"])).code).toBe(7);
    }
    expect((await bench.run(["backup", "copy", "--verify"])).code).toBe(0);
  });
});

describe("damage", () => {
  it("of the data does not spread to a backup that is whole", async () => {
    const bench = new Workbench();
    const id = await bench.import("a.jsonl", ndjson(3000));
    await bench.run(["backup", "copy"]);
    const good = fs.readFileSync(logIn(bench, id));
    bench.damage(id);
    const told = await bench.run(["backup", "copy", "--verify"]);
    expect(told.code).toBe(4);
    expect(told.stderr).toMatch(new RegExp(`default: ${id}: event \\d+, at byte \\d+ of its log`));
    expect(Buffer.compare(fs.readFileSync(logIn(bench, id)), good)).toBe(0);
    expect((await bench.run(["--data", "copy", "verify", id])).code).toBe(0);
    // Also where the log lacks what was signed.
    const log = bench.logOf(id);
    fs.writeFileSync(log, good.subarray(0, good.lastIndexOf("RBT1")));
    expect((await bench.run(["backup", "copy"])).code).toBe(0);
    expect(Buffer.compare(fs.readFileSync(logIn(bench, id)), good)).toBe(0);
  });

  it("of the data is told when it is backed up for the first time, and mended later", async () => {
    const bench = new Workbench();
    const id = await bench.import("a.jsonl", ndjson(3000));
    const good = fs.readFileSync(bench.logOf(id));
    bench.damage(id);
    const told = await bench.run(["backup", "copy"]);
    expect(told.code).toBe(4);
    const damaged = await bench.run(["--data", "copy", "verify", id]);
    expect(damaged.code).toBe(4);
    expect(damaged.stdout).toContain("the session is read-only: when it was backed up");
    fs.writeFileSync(bench.logOf(id), good);
    expect((await bench.run(["backup", "copy", "--verify"])).code).toBe(0);
    expect(Buffer.compare(fs.readFileSync(logIn(bench, id)), good)).toBe(0);
  });

  it("of the backup is found and mended by --verify", async () => {
    const bench = new Workbench();
    const id = await bench.import("a.jsonl", claudeSession(400));
    await bench.run(["backup", "copy"]);
    flip(logIn(bench, id), 1000);
    const pack = bench.path("copy/default/blobs");
    for (const name of fs.readdirSync(pack))
      if (name.endsWith(".pack")) flip(`${pack}/${name}`, 99);
    expect((await bench.run(["--data", "copy", "verify", id])).code).toBe(4);
    expect((await bench.run(["backup", "copy", "--verify"])).code).toBe(0);
    expect((await bench.run(["--data", "copy", "verify", id])).code).toBe(0);
  });
});
