import * as fs from "node:fs";
import { describe, expect, it } from "vitest";
import { ended, Workbench } from "./reach-command.ts";
import { claudeSession, glued, ndjson } from "./transcripts.ts";

describe("reach export", () => {
  it("gives back the very bytes that were imported, to a file or to stdout", async () => {
    const bench = new Workbench();
    const text = `\ufeff${glued(claudeSession(30), 5)}\r\n\r\n{"type":"x", "n": 52.0}\nno json`;
    const id = await bench.import("odd.jsonl", text);
    const { code, stdout } = await bench.run(["export", id]);
    expect(code).toBe(0);
    expect(stdout === text).toBe(true);
    const file = await bench.run(["export", id, "--format", "original", "-o", "back.jsonl"]);
    expect(file).toMatchObject({ code: 0, stdout: "" });
    expect(bench.read("back.jsonl").equals(Buffer.from(text))).toBe(true);
    const about = await bench.json(["export", id, "-o", "again.jsonl"]);
    expect(about).toMatchObject({
      id,
      format: "original",
      file: "again.jsonl",
      bytes: Buffer.byteLength(text),
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(fs.readdirSync(bench.folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it("writes NDJSON as `events --ndjson` does, also a part of it", async () => {
    const bench = new Workbench();
    const id = await bench.import("session.jsonl", claudeSession(10));
    const all = await bench.run(["export", id, "--format", "ndjson"]);
    const events = await bench.run(["events", id, "--ndjson"]);
    expect(all.stdout).toBe(events.stdout);
    const part = await bench.run(["export", id, "--format", "ndjson", "--from", "2", "--to", "4"]);
    expect(part.stdout).toBe(all.stdout.split("\n").slice(2, 4).join("\n").concat("\n"));
    const wrong = await bench.run(["export", id, "--from", "2"]);
    expect(wrong.code).toBe(2);
  });

  it("writes a bundle that another data directory takes in, with the same root", async () => {
    const bench = new Workbench();
    const id = await bench.import("session.jsonl", claudeSession(30));
    const about = await bench.json(["export", id, "--format", "bundle", "-o", "run.bundle"]);
    expect(about).toMatchObject({ id, format: "bundle", file: "run.bundle", events: 62 });
    const key = (await bench.json<{ directory: { verifierKey: string } }>(["doctor"])).directory;
    const there = ["--data", "elsewhere"];
    const taken = await bench.run(["import", "run.bundle", ...there]);
    expect(taken.code).toBe(0);
    expect(taken.stdout).toMatch(/^imported 62 events \(\S+ kB\) from a bundle in \S+ s +id {4}/);
    expect(taken.stdout).toMatch(/^ {2}intact complete +root {2}[0-9a-f]{8}…/m);
    expect(taken.stdout).toContain(`the key that it brings along; compare it`);
    expect(taken.stdout).toContain(key.verifierKey);
    const again = await bench.run(["import", "run.bundle", ...there, "--key", key.verifierKey]);
    expect(again.stdout).toMatch(/^unchanged: the 62 events of it are here already/);
    expect((await bench.run(["export", id, ...there])).stdout).toBe(claudeSession(30));
    const renamed = await bench.run(["import", "run.bundle", ...there, "--fresh"]);
    expect(renamed.code).toBe(2);
    bench.write("cut.bundle", bench.read("run.bundle").subarray(0, 9000));
    const cut = await bench.run(["import", "cut.bundle", "--data", "third"]);
    expect(cut.code).toBe(4);
    expect((await bench.json<{ total: number }>(["ls", "--data", "third"])).total).toBe(0);
  });

  it("writes a bundle from which a damaged session is restored where it is", async () => {
    const bench = new Workbench();
    const large = Array.from(
      { length: 20 },
      (_, n) => `{"n":${n},"text":"${"x".repeat(5000 + n)}"}\n`,
    );
    const text = ndjson(100) + large.join("");
    const id = await bench.import("session.ndjson", text);
    await bench.run(["export", id, "--format", "bundle", "-o", "run.bundle"]);
    bench.damage(id);
    expect((await bench.run(["verify", id])).code).toBe(4);
    const refused = await bench.run(["import", "run.bundle"]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("--restore puts the bundle in its place");
    const restored = await bench.run(["import", "run.bundle", "--restore"]);
    expect(restored.code).toBe(0);
    expect(restored.stdout).toMatch(/^restored \d+ events of 121 events +id {4}/);
    expect((await bench.run(["verify", id])).code).toBe(0);
    expect((await bench.run(["export", id])).stdout).toBe(text);
    const again = await bench.run(["import", "run.bundle", "--restore"]);
    expect(again.stdout).toMatch(/^unchanged: the 121 events of it are here already +id/);
    fs.rmSync(bench.path(".reach/default/blobs"), { recursive: true });
    const back = await bench.run(["import", "run.bundle"]);
    expect(back.stdout).toMatch(/^unchanged: .* already, and \d+ payloads of it again +id/);
    expect((await bench.run(["import", "session.ndjson", "--restore"])).code).toBe(2);
  });

  it("writes tiles of a transparency log into a new folder", async () => {
    const bench = new Workbench();
    const id = await bench.import("a.jsonl", ndjson(300));
    const { code } = await bench.run(["export", id, "--format", "tlog-tiles", "-o", "tiles"]);
    expect(code).toBe(0);
    expect(bench.read("tiles/checkpoint").toString()).toContain(`/s/${id}\n301\n`);
    expect(fs.existsSync(bench.path("tiles/tile/0/000"))).toBe(true);
    // As a new file: for its owner alone.
    expect(fs.statSync(bench.path("tiles")).mode & 0o777).toBe(0o700);
    const again = await bench.run(["export", id, "--format", "tlog-tiles", "-o", "tiles"]);
    expect(again.code).toBe(1);
    expect(again.stderr).toContain("tiles is there already");
    expect((await bench.run(["export", id, "--format", "tlog-tiles"])).code).toBe(2);
  });

  it("of tiles that is interrupted leaves nothing, and says so", async () => {
    const bench = new Workbench();
    const id = await bench.import("a.jsonl", ndjson(100_000));
    const child = bench.start(["export", id, "--format", "tlog-tiles", "-o", "tiles"]);
    const end = ended(child);
    const began = (): boolean => fs.readdirSync(bench.folder).some((name) => name.endsWith(".tmp"));
    while (!began()) await new Promise((resolve) => setTimeout(resolve, 2));
    child.kill("SIGINT");
    const { code, stderr } = await end;
    expect({ code, stderr }).toEqual({
      code: 130,
      stderr: "reach: interrupted; nothing was written\n",
    });
    expect(fs.readdirSync(bench.folder).sort()).toEqual([".reach", "a.jsonl"]);
  });

  it("replaces a file as a whole, and follows a link to it", async () => {
    const bench = new Workbench();
    const id = await bench.import("a.jsonl", ndjson(3));
    bench.write("old.jsonl", "old");
    fs.symlinkSync("old.jsonl", bench.path("link.jsonl"));
    expect((await bench.run(["export", id, "-o", "link.jsonl"])).code).toBe(0);
    expect(bench.read("old.jsonl").toString()).toBe(ndjson(3));
    expect(fs.lstatSync(bench.path("link.jsonl")).isSymbolicLink()).toBe(true);
    expect((await bench.run(["export", id, "-o", "-"])).stdout).toBe(ndjson(3));
  });

  it("lets nobody else read what it writes, and leaves a file the mode that it had", async () => {
    const bench = new Workbench();
    const id = await bench.import("a.jsonl", ndjson(3));
    const modeAfter = async (name: string) => {
      const { code } = await bench.run(["export", id, "-o", name]);
      return [code, (fs.statSync(bench.path(name)).mode & 0o7777).toString(8)];
    };
    expect(await modeAfter("new.jsonl")).toEqual([0, "600"]);
    for (const mode of ["600", "640", "664"]) {
      fs.chmodSync(bench.write(mode, "old"), Number.parseInt(mode, 8));
      expect(await modeAfter(mode)).toEqual([0, mode]);
    }
  });
});
