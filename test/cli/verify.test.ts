import * as fs from "node:fs";
import * as path from "node:path";
import { Command } from "commander";
import { describe, expect, it, vi } from "vitest";
import type { Task } from "../../src/cli/command.ts";
import { verifyCommand } from "../../src/cli/commands/verify.ts";
import { Output } from "../../src/cli/output.ts";
import { Progress } from "../../src/cli/progress.ts";
import { readSettings } from "../../src/cli/settings.ts";
import { Directory } from "../../src/session/index.ts";
import { Workbench } from "./reach-command.ts";
import { claudeSession, ndjson } from "./transcripts.ts";

interface Verified {
  readonly verified: readonly {
    readonly target: string;
    readonly id: string;
    readonly integrity: string;
    readonly completeness: string;
    readonly firstBad: number | null;
    readonly problems: readonly unknown[];
  }[];
}

describe("reach verify", () => {
  it("says what is intact, and that nothing is cut off", async () => {
    const bench = new Workbench();
    const id = await bench.import("session.jsonl", claudeSession(30));
    const { code, stdout } = await bench.run(["verify", id]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^intact {6}62 events {3}6 payloads \(\S+ kB\) {3}\S+ s\n/);
    expect(stdout).toMatch(/^complete {4}signed over 62 events by reach\.local\+[0-9a-f]{8}$/m);
    expect(stdout).toMatch(/^ {2}root [0-9a-f]{8}…/m);
    const { verified } = await bench.json<Verified>(["verify", id]);
    expect(verified).toMatchObject([
      {
        target: id,
        id,
        integrity: "intact",
        completeness: "complete",
        firstBad: null,
        problems: [],
      },
    ]);
    expect((await bench.run(["verify", id, "--quiet"])).stdout).toBe("intact complete\n");
  });

  it("finds payloads again that have come back as the hint says", async () => {
    const bench = new Workbench();
    const id = await bench.import("session.jsonl", claudeSession(30));
    const blobs = bench.path(".reach/default/blobs");
    for (const name of fs.readdirSync(blobs)) fs.rmSync(path.join(blobs, name));
    const lost = await bench.run(["verify", id, "--json"]);
    expect((JSON.parse(lost.stdout) as Verified).verified[0]?.problems).toHaveLength(6);
    const { stderr } = await bench.run(["export", id, "--format", "original"]);
    const flags = /import the source again(?: with (--\w+))?/.exec(stderr)?.slice(1) ?? [];
    await bench.run(["import", "session.jsonl", ...flags.filter(Boolean)]);
    expect((await bench.run(["verify", id, "--quiet"])).stdout).toBe("intact complete\n");
  });

  it("names the first bad event of a damaged log, and ends with 4", async () => {
    const bench = new Workbench();
    const id = await bench.import("session.jsonl", ndjson(500));
    bench.damage(id);
    const { code, stdout } = await bench.run(["verify", id]);
    expect(code).toBe(4);
    expect(stdout).toMatch(/^damaged /);
    expect(stdout).toMatch(/^ {2}first bad event: \d+ \(\d+ events in all\)$/m);
    const json = await bench.run(["verify", id, "--json"]);
    expect(json.code).toBe(4);
    const [report] = (JSON.parse(json.stdout) as Verified).verified;
    expect(report?.firstBad).toBeGreaterThan(100);
  });

  it("tells a log that was cut off from one that was changed", async () => {
    const bench = new Workbench();
    const id = await bench.import("session.jsonl", ndjson(500));
    const log = bench.logOf(id);
    fs.truncateSync(log, bench.batchEnd(log));
    const { code, stdout } = await bench.run(["verify", id]);
    expect(code).toBe(4);
    expect(stdout).toMatch(/^incomplete {2}signed over 501 events/m);
  });

  it("looks at several, or all, and the worst of them counts", async () => {
    const bench = new Workbench();
    const good = await bench.import("a.jsonl", ndjson(5));
    const bad = await bench.import("b.jsonl", ndjson(500, 100));
    bench.damage(bad);
    const all = await bench.run(["verify", "--all"]);
    expect(all.code).toBe(4);
    expect(all.stdout).toContain(`${good}\nintact `);
    expect(all.stdout).toContain(`${bad}\ndamaged `);
    expect((await bench.run(["verify", good])).code).toBe(0);
    const none = await bench.run(["verify"]);
    expect(none.code).toBe(2);
    const missing = await bench.run(["verify", "no.bundle"]);
    expect(missing.code).toBe(5);
    expect(missing.stderr).toContain("there is no session and no file no.bundle");
  });

  it("checks a bundle without any data directory, and a changed one does not pass", async () => {
    const bench = new Workbench();
    const id = await bench.import("session.jsonl", claudeSession(30));
    const exported = await bench.run(["export", id, "--format", "bundle", "-o", "run.bundle"]);
    expect(exported.code).toBe(0);
    fs.rmSync(bench.path(".reach"), { recursive: true });
    const good = await bench.run(["verify", "run.bundle"]);
    expect(good.code).toBe(0);
    expect(good.stdout).toMatch(/^intact {6}62 events /);
    const bytes = bench.read("run.bundle");
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
    bench.write("changed.bundle", bytes);
    const changed = await bench.run(["verify", "changed.bundle"]);
    expect(changed.code).toBe(4);
    bench.write("no.bundle", "hello");
    expect((await bench.run(["verify", "no.bundle"])).code).toBe(4);
  });

  it("checks against the key that somebody trusts, and refuses what is no key", async () => {
    const bench = new Workbench();
    const id = await bench.import("a.jsonl", ndjson(5));
    const doctor = await bench.json<{ directory: { verifierKey: string } }>(["doctor"]);
    const own = doctor.directory.verifierKey;
    await bench.run(["import", "a.jsonl", "--data", "other"]);
    const other = await bench.json<{ directory: { verifierKey: string } }>([
      "doctor",
      "--data",
      "other",
    ]);
    expect((await bench.run(["verify", id, "--key", own])).code).toBe(0);
    const foreign = await bench.run(["verify", id, "--key", other.directory.verifierKey]);
    expect(foreign.stdout).not.toMatch(/^complete /m);
    const wrong = await bench.run(["verify", id, "--key", "abc"]);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain("--key");
  });

  it("passes over a session that is removed while others are being verified", async () => {
    const bench = new Workbench();
    const first = await bench.import("a.jsonl", ndjson(5));
    const second = await bench.import("b.jsonl", ndjson(5, 50));
    const list = Directory.prototype.sessionIds;
    const removing = vi.spyOn(Directory.prototype, "sessionIds").mockImplementation(function (
      this: Directory,
    ) {
      const ids = list.call(this);
      fs.writeFileSync(path.join(path.dirname(bench.logOf(first)), "tombstone"), "{}");
      return ids;
    });
    try {
      const all = await verifyHere(bench, ["--all"]);
      expect(all.code).toBe(0);
      expect(all.printed).toContain(`${second}\nintact `);
      expect(all.printed).not.toContain(`${first}\n`);
      expect(all.noted).toBe(`session ${first} was removed meanwhile\n`);
    } finally {
      removing.mockRestore();
    }
  });

  it("tells with --json what was verified before an error that ends everything", async () => {
    const bench = new Workbench();
    const id = await bench.import("a.jsonl", ndjson(5));
    await bench.run(["export", id, "--format", "bundle", "-o", "a.bundle"]);
    bench.write("no.bundle", "hello");
    const { code, stdout } = await bench.run(["verify", "a.bundle", "no.bundle", "--json"]);
    expect(code).toBe(4);
    expect((JSON.parse(stdout) as Verified).verified).toMatchObject([{ target: "a.bundle", id }]);
  });
});

/** Runs the command in this process, where a directory can be made to change in between. */
async function verifyHere(bench: Workbench, args: readonly string[]) {
  let printed = "";
  let noted = "";
  const stream = (take: (text: string) => void) => ({
    write(text: string | Uint8Array, done: () => void) {
      take(String(text));
      done();
      return true;
    },
    on() {},
  });
  const stdout = stream((text) => {
    printed += text;
  });
  const stderr = stream((text) => {
    noted += text;
  });
  const output = new Output({ stdout, stderr, colour: "never", json: false, quiet: false });
  const settings = readSettings({ data: bench.path(".reach") }, {}, undefined);
  const progress = (label: string) => new Progress(process.stderr, label, { enabled: false });
  let code = 0;
  const start = async (task: Task) => {
    code = (await task({ settings, config: undefined, output, progress })) ?? 0;
  };
  const command = new Command();
  verifyCommand.configure(command, start);
  await command.parseAsync([...args], { from: "user" });
  return { code, printed, noted };
}
