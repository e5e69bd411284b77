import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { Workbench } from "./reach-command.ts";
import { claudeSession, glued, ndjson } from "./transcripts.ts";

interface Imports {
  readonly imports: readonly {
    readonly source: string;
    readonly id: string;
    readonly format: string;
    readonly records: number;
    readonly events: number;
    readonly continuedFrom: number | null;
    readonly unchanged: boolean;
    readonly root: string;
    readonly blobs: { readonly count: number };
    readonly unparsed: number;
    readonly problems: readonly { readonly line: number | null; readonly message: string }[];
  }[];
}

/** The key that signs in a data directory. */
async function keyOf(bench: Workbench, data = ".reach"): Promise<string> {
  interface Doctor {
    readonly directory: { readonly verifierKey: string };
  }
  return (await bench.json<Doctor>(["doctor", "--data", data])).directory.verifierKey;
}

describe("reach import", () => {
  it("says what came in, from which format, where it is now, and what it weighs", async () => {
    const bench = new Workbench();
    const file = bench.write("session.jsonl", claudeSession(20));
    const { code, stdout, stderr } = await bench.run(["import", file]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const [first, second] = stdout.split("\n");
    expect(first).toMatch(
      /^imported 41 events \(\d+(\.\d+)? kB\) from claude-code in \S+ s +id {4}[0-9a-f]{8}-/,
    );
    expect(second).toMatch(
      /^ {2}blobs 4 payloads, .* -> .* stored \(\d+\.\dx\) +root {2}[0-9a-f]{8}…/,
    );
  });

  it("is one object with --json and the bare id with --quiet", async () => {
    const bench = new Workbench();
    bench.write("session.jsonl", claudeSession(20));
    const { imports } = await bench.json<Imports>(["import", "session.jsonl"]);
    expect(imports).toHaveLength(1);
    const [only] = imports;
    expect(only).toMatchObject({
      source: "session.jsonl",
      format: "claude-code",
      records: 41,
      events: 42,
      continuedFrom: null,
      unchanged: false,
      problems: [],
      blobs: { count: 4 },
    });
    expect(only?.root).toMatch(/^[0-9a-f]{64}$/);
    const quiet = await bench.run(["import", "session.jsonl", "--fresh", "--quiet"]);
    expect(quiet.stdout).toMatch(/^[0-9a-f-]{36}\n$/);
    expect(quiet.stdout.trim()).not.toBe(only?.id);
  });

  it("knows a file that is here already, and continues one that has grown", async () => {
    const bench = new Workbench();
    const id = await bench.import("log.jsonl", ndjson(30));
    const again = await bench.run(["import", "log.jsonl"]);
    expect(again.stdout).toMatch(/^unchanged: the 31 events of it are here already +id {4}/);
    bench.write("log.jsonl", ndjson(50));
    const more = await bench.run(["import", "log.jsonl"]);
    expect(more.stdout).toMatch(/^continued with 20 events /);
    expect(more.stdout).toContain("proved consistent with the 31 events before");
    expect(more.stdout).toContain(id.slice(0, 13));
    const fresh = await bench.json<Imports>(["import", "log.jsonl", "--fresh"]);
    expect(fresh.imports[0]?.id).not.toBe(id);
  });

  it("keeps glued records and unparsed lines, and says where they begin", async () => {
    const bench = new Workbench();
    const lines = glued(glued(ndjson(20), 4), 9).split("\n");
    lines.splice(12, 0, "this is no record", '{"broken": ');
    const file = bench.write("odd.jsonl", lines.join("\n"));
    const { code, stdout } = await bench.run(["import", file]);
    expect(code).toBe(0);
    expect(stdout).toContain(
      "  2 lines held two records without a newline between them: both kept (first: line 4)\n",
    );
    expect(stdout).toMatch(/2 lines: .*kept unread \(first: line 13\)/);
    const { imports } = await bench.json<Imports>(["import", file, "--fresh"]);
    expect(imports[0]).toMatchObject({ records: 22, unparsed: 2 });
    expect(imports[0]?.problems.map(({ line }) => line)).toEqual([4, 9, 13, 14]);
  });

  it("makes a session of each file, and goes on when one of them cannot be read", async () => {
    const bench = new Workbench();
    bench.write("one.jsonl", ndjson(3));
    bench.write("two.jsonl", ndjson(4, 100));
    const { code, stdout, stderr } = await bench.run([
      "import",
      "one.jsonl",
      "no.jsonl",
      "two.jsonl",
    ]);
    expect(code).toBe(5);
    expect(stderr).toContain("reach: there is no file no.jsonl");
    expect(stdout).toMatch(/^one\.jsonl\n {2}imported 3 events/);
    expect(stdout).toMatch(/\ntwo\.jsonl\n {2}imported 4 events/);
    const { imports } = JSON.parse(
      (await bench.run(["import", "no.jsonl", "two.jsonl", "--json"])).stdout,
    ) as { imports: Record<string, unknown>[] };
    expect(imports[0]).toMatchObject({ source: "no.jsonl", error: { code: "NOT_FOUND" } });
    expect(imports[1]).toMatchObject({ source: "two.jsonl", unchanged: true });
  });

  it("reads standard input, and takes a folder as one source", async () => {
    const bench = new Workbench();
    const piped = await bench.run(["import", "-"], { input: ndjson(7, 500) });
    expect(piped.stdout).toMatch(/^imported 7 events /);
    bench.write("parts/1.jsonl", ndjson(5));
    bench.write("parts/2.jsonl", ndjson(5, 5));
    const { stdout, stderr } = await bench.run(["import", "parts/", "--json"]);
    const folder = JSON.parse(stdout) as Imports;
    expect(folder.imports[0]).toMatchObject({ records: 10, format: "ndjson" });
    expect(stderr).toContain("the 2 files of parts are one session: `reach import parts/*` makes");
    const { sessions } = await bench.json<{ sessions: { name: string }[] }>(["ls"]);
    expect(sessions.map(({ name }) => name)).toEqual(["parts", "stdin"]);
  });

  it("takes the array that --path names, and the id that --id names", async () => {
    const bench = new Workbench();
    const text = JSON.stringify({
      meta: 1,
      data: { runs: [{ events: [{ a: 1 }, { a: 2 }, { a: 3 }] }] },
    });
    bench.write("dump.json", text);
    const id = randomUUID();
    const args = ["import", "dump.json", "--path", "data.runs[0].events", "--id", id];
    const { imports } = await bench.json<Imports>(args);
    expect(imports[0]).toMatchObject({ id, format: "json" });
    expect(imports[0]?.records).toBeGreaterThanOrEqual(3);
    const other = await bench.run([...args.slice(0, -1), id, "--fresh"]);
    expect(other.code).toBe(1);
    expect(other.stderr).toContain(id);
  });

  it("refuses what is no transcript, and makes no directory for a missing file", async () => {
    const bench = new Workbench();
    const missing = await bench.run(["import", "missing.jsonl"]);
    expect(missing.code).toBe(5);
    expect(missing.stderr).toBe("reach: there is no file missing.jsonl\n  check the path\n");
    expect(fs.existsSync(bench.path(".reach"))).toBe(false);
    bench.write("image.bin", new Uint8Array([0x89, 0x50, 0, 1, 2, 3, 255, 254]));
    const binary = await bench.run(["import", "image.bin"]);
    expect(binary.code).toBe(1);
    expect(binary.stderr).toContain("image.bin is no transcript that Reach knows");
    const empty = await bench.run(["import", bench.write("empty.jsonl", "")]);
    expect(empty.code).toBe(1);
    expect(empty.stderr).toContain("is empty");
  });

  it("suggests a format for a mistyped one, and refuses one id for several files", async () => {
    const bench = new Workbench();
    bench.write("a.jsonl", ndjson(1));
    const format = await bench.run(["import", "a.jsonl", "--format", "claude-cod"]);
    expect(format.code).toBe(2);
    expect(format.stderr).toContain("did you mean claude-code?");
    const several = await bench.run(["import", "a.jsonl", "a.jsonl", "--id", randomUUID()]);
    expect(several.code).toBe(2);
    expect(several.stderr).toContain("--id names one session");
  });

  it("with --key takes nothing in that is no bundle of that key", async () => {
    const bench = new Workbench();
    const id = await bench.import("a.jsonl", ndjson(5));
    const key = await keyOf(bench);
    await bench.run(["export", id, "--format", "bundle", "-o", "run.bundle"]);
    const there = ["--data", "there", "--key", key];
    for (const [source, ...more] of [
      ["a.jsonl"],
      ["-"],
      ["-", "--format", "ndjson"],
      ["run.bundle", "--format", "ndjson"],
    ] as const) {
      const args = ["import", source, ...more, ...there];
      const { code, stdout, stderr } = await bench.run(args, { input: ndjson(5) });
      expect({ args, code, stdout }).toEqual({ args, code: 2, stdout: "" });
      expect(stderr).toContain("--key");
      expect(stderr).toContain("bundle");
    }
    expect(fs.existsSync(bench.path("there"))).toBe(false);
    const several = await bench.run(["import", "a.jsonl", "run.bundle", ...there, "--quiet"]);
    expect(several).toMatchObject({ code: 2, stdout: `${id}\n` });
  });

  it("knows a bundle on standard input, and checks it with the key that is given", async () => {
    const bench = new Workbench();
    const id = await bench.import("a.jsonl", ndjson(5));
    await bench.import("b.jsonl", ndjson(5, 5));
    const key = await keyOf(bench);
    await bench.run(["export", id, "--format", "bundle", "-o", "run.bundle"]);
    await bench.run(["import", "b.jsonl", "--data", "other"]);
    const foreign = await keyOf(bench, "other");
    const input = bench.read("run.bundle");
    const run = (...args: string[]) => bench.run(["import", "-", ...args], { input });
    const refused = await run("--data", "third", "--key", foreign);
    expect(refused).toMatchObject({ code: 4, stdout: "" });
    const taken = await run("--data", "there", "--key", key);
    expect(taken.stdout).toContain("checked with the key that was given");
    expect(taken.code).toBe(0);
    expect((await bench.run(["ls", "--data", "there", "--quiet"])).stdout).toBe(`${id}\n`);
    expect((await run("--data", "fourth", "--quiet")).stdout).toBe(`${id}\n`);
    const short = await bench.run(["import", "-", "--data", "fifth"], { input: "REACH" });
    expect(short.code).toBe(1);
  });

  it("tells with --json what was imported before an error that ends everything", async () => {
    const bench = new Workbench();
    const id = await bench.import("c.jsonl", ndjson(5, 1000));
    await bench.run(["export", id, "--format", "bundle", "-o", "c.bundle"]);
    bench.write("a.jsonl", ndjson(3));
    bench.write("b.jsonl", ndjson(4, 100));
    await bench.run(["import", "a.jsonl", "--data", "there"]);
    // A file where the folder of the session should be: this is not about the source.
    bench.write(path.join("there/default/sessions", id.slice(-2), id), "in the way");
    const args = ["import", "a.jsonl", "b.jsonl", "c.bundle", "a.jsonl", "--data", "there"];
    const { code, stdout, stderr } = await bench.run([...args, "--json"]);
    expect(code).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: "ALREADY_EXISTS" } });
    const { imports } = JSON.parse(stdout) as Imports;
    expect(imports.map(({ source }) => source)).toEqual(["a.jsonl", "b.jsonl", "c.bundle"]);
    expect(imports[1]).toMatchObject({ events: 5 });
    expect(imports[2]).toMatchObject({ error: { code: "ALREADY_EXISTS" } });
  });
});
