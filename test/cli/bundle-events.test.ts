// `reach events FILE`: a bundle is shown as the session that it was made of, and only if all of it
// verifies.

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { describe, expect, it } from "vitest";
import { Directory, exportBundle, forkSession } from "../../src/session/index.ts";
import { writeSample } from "../session/sample-session.ts";
import { ended, heard, mainFile, Workbench } from "./reach-command.ts";
import { claudeSession, ndjson } from "./transcripts.ts";

async function exported(bench: Workbench, id: string, name = "run.bundle"): Promise<string> {
  const { code, stderr } = await bench.run(["export", id, "--format", "bundle", "-o", name]);
  if (code !== 0) throw new Error(stderr);
  return name;
}

async function keyOf(bench: Workbench, data = ".reach"): Promise<string> {
  const doctor = await bench.json<{ directory: { verifierKey: string } }>([
    "doctor",
    "--data",
    data,
  ]);
  return doctor.directory.verifierKey;
}

/** Both commands print the same, and the one of the bundle needs no data directory. */
async function expectSame(bench: Workbench, id: string, name: string, calls: readonly string[][]) {
  for (const some of calls) {
    const session = await bench.run(["events", id, ...some]);
    const flags = ["--data", bench.path("nothing", "here")];
    const bundle = await bench.run(["events", name, ...flags, ...some]);
    expect({ some, code: bundle.code, stdout: bundle.stdout }).toEqual({
      some,
      code: 0,
      stdout: session.stdout,
    });
  }
}

describe("reach events of a bundle", () => {
  it("prints what it prints of the session, in every form and choice", async () => {
    const bench = new Workbench();
    const id = await bench.import("session.jsonl", claudeSession(40));
    const name = await exported(bench, id);
    await expectSame(bench, id, name, [
      [],
      ["--ndjson"],
      ["--json"],
      ["--payload", "inline"],
      ["--ndjson", "--payload", "ref"],
      ["--json", "--payload", "none"],
      ["--from", "9", "--to", "30", "--limit", "4", "--ndjson"],
      ["--kind", "result", "--limit", "7", "--ndjson"],
      ["--type", "user/*", "--from", "20"],
      ["--from", "1000", "--json"],
    ]);
  });

  it("reads a pipe, too", async () => {
    const bench = new Workbench();
    const id = await bench.import("session.jsonl", claudeSession(20));
    const name = await exported(bench, id);
    const script = '"$0" "$1" events <(cat "$2") --ndjson';
    const args = ["-c", script, process.execPath, mainFile, name];
    const { status, stdout } = spawnSync("bash", args, { cwd: bench.folder, encoding: "utf8" });
    const session = await bench.run(["events", id, "--ndjson"]);
    expect({ status, stdout }).toEqual({ status: 0, stdout: session.stdout });
  });

  it("prints sessions that a program ran, forks, and large payloads", async () => {
    const bench = new Workbench();
    bench.write(
      "counting.mjs",
      `export default {
        name: "counting", version: "1", init: () => 0, reduce: (state) => state + 1,
        async step(ctx) { ctx.emit("big", "ab".repeat(3_000_000)); return "done"; },
      };`,
    );
    const { id } = await bench.json<{ id: string }>(["run", "counting.mjs"]);
    await expectSame(bench, id, await exported(bench, id), [[], ["--ndjson"], ["--json"]]);
    const directory = await Directory.open({ path: bench.path(".reach/default"), mode: "write" });
    const source = await writeSample(directory, 60);
    const fork = await forkSession(directory, source, { at: 50 });
    await exportBundle(directory, fork.id, async (bytes) => {
      fs.appendFileSync(bench.path("fork.bundle"), bytes);
    });
    await directory.close();
    await expectSame(bench, fork.id, "fork.bundle", [[], ["--ndjson"]]);
  });

  it("says on stderr what the key proves, and nothing with --quiet", async () => {
    const bench = new Workbench();
    const name = await exported(bench, await bench.import("a.jsonl", ndjson(5)));
    const key = await keyOf(bench);
    const own = await bench.run(["events", name]);
    expect(own.stderr).toBe(
      "intact complete: consistent by the key that it brings along; " +
        `compare it, or give yours with --key: ${key}\n`,
    );
    const given = await bench.run(["events", name, "--key", key]);
    expect(given.stderr).toBe("intact complete: checked with the key that was given\n");
    expect(given.stdout).toBe(own.stdout);
    expect((await bench.run(["events", name, "--quiet"])).stderr).toBe("");
  });

  it("shows nothing of a bundle that does not verify, and ends with 4", async () => {
    const bench = new Workbench();
    const id = await bench.import("a.jsonl", ndjson(500));
    await exported(bench, id);
    await bench.run(["import", "a.jsonl", "--data", "other"]);
    const other = await keyOf(bench, "other");
    const bytes = bench.read("run.bundle");
    bench.write("cut.bundle", bytes.subarray(0, -1));
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
    bench.write("changed.bundle", bytes);
    const log = bench.logOf(id);
    fs.truncateSync(log, bench.batchEnd(log));
    await exported(bench, id, "short.bundle");
    for (const [name, what, ...flags] of [
      ["changed.bundle", "the bundle is damaged: bundle, before byte"],
      ["cut.bundle", "it is cut off"],
      ["short.bundle", "the bundle is incomplete: events: events from"],
      ["run.bundle", "no checkpoint of this session is signed by", "--key", other],
    ] as const) {
      for (const form of [[], ["--ndjson"], ["--json"]]) {
        const { code, stdout, stderr } = await bench.run(["events", name, ...form, ...flags]);
        expect({ name, code, stdout }).toEqual({ name, code: 4, stdout: "" });
        expect(stderr).toContain(what);
        expect(stderr).toContain(`\`reach verify ${name}\` says all that is wrong`);
      }
    }
    const none = await bench.run(["events", "a.jsonl"]);
    expect(none).toMatchObject({ code: 4, stdout: "" });
    expect(none.stderr).toContain("this is no bundle");
  });

  it("tells sessions, bundles and mistakes apart", async () => {
    const bench = new Workbench();
    const id = await bench.import("a.jsonl", ndjson(5));
    const name = await exported(bench, id);
    const key = await keyOf(bench);
    fs.mkdirSync(bench.path("folder"));
    for (const [args, code, what] of [
      [["events", "no.bundle"], 5, "there is no session and no file no.bundle"],
      [["events", "folder"], 2, "folder is a folder, not a bundle"],
      [["events", id, "--key", key], 2, "--key is for bundles"],
      [["events", name, "--key", "abc"], 2, "--key: "],
      [["events", name, "--url", "http://localhost:1"], 2, "is a file here, and --url asks a"],
      [["events", name, "--json", "--ndjson"], 2, "two ways to write the same"],
    ] as const) {
      const { stderr, ...result } = await bench.run(args);
      expect({ args, ...result }).toMatchObject({ args, code, stdout: "" });
      expect(stderr).toContain(what);
    }
    // The folder of a session is called like it.
    const sessions = bench.path(".reach/default/sessions", id.slice(-2));
    const flags = ["--data", bench.path(".reach")];
    const inside = await bench.run(["events", id, ...flags], { cwd: sessions });
    expect(inside).toMatchObject({ code: 0, stderr: "" });
  });

  it("leaves no temporary file, also when it is interrupted or nobody reads on", async () => {
    const bench = new Workbench();
    const name = await exported(bench, await bench.import("a.jsonl", ndjson(20_000)));
    fs.mkdirSync(bench.path("temporary"));
    const env = { TMPDIR: bench.path("temporary") };
    const left = (): string[] => fs.readdirSync(bench.path("temporary"));
    expect((await bench.run(["events", name, "--ndjson"], { env })).code).toBe(0);
    expect(left()).toEqual([]);
    const stopped = bench.start(["events", name, "--ndjson"], { env });
    const end = ended(stopped);
    await heard(stopped.stdout, /"seq":0/);
    stopped.kill("SIGINT");
    await end;
    expect(left()).toEqual([]);
    const closed = bench.start(["events", name, "--ndjson"], { env });
    const result = ended(closed);
    await heard(closed.stdout, /"seq":0/);
    closed.stdout?.destroy();
    expect((await result).code).toBe(0);
    expect(left()).toEqual([]);
  });
});
