// `reach export --format html`: one file that a browser shows (test/web/offline.test.ts) and that
// the commands read as the bundle it holds.

import * as fs from "node:fs";
import { describe, expect, it } from "vitest";
import { bundleOfPage } from "../../src/session/bundle-page.ts";
import { bundlePieces } from "../../src/session/index.ts";
import { transcriptLines } from "../web/transcript-lines.ts";
import { Workbench } from "./reach-command.ts";

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function exported(): Promise<{ bench: Workbench; id: string }> {
  const bench = new Workbench();
  bench.write("</script><b>x.jsonl", transcriptLines(30));
  const { stdout } = await bench.run(["import", "--quiet", "</script><b>x.jsonl"]);
  const id = stdout.trim();
  const { code } = await bench.run(["export", id, "--format", "html", "-o", "run.html"]);
  expect(code).toBe(0);
  return { bench, id };
}

describe("an exported page", () => {
  it("runs its own script, and holds no other markup than its own", async () => {
    const { bench } = await exported();
    const text = bench.read("run.html").toString("latin1");
    expect(text.match(/<\/?b\b/g)).toBeNull();
    expect(text.match(/<script/g)).toHaveLength(2);
    expect(text.match(/<\/script>/g)).toHaveLength(2);
    const [, policy = ""] = /Content-Security-Policy" content="([^"]+)"/.exec(text) ?? [];
    expect(policy).toMatch(
      /^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; /,
    );
    expect(text).not.toMatch(/(?:src|href)=/);
  });

  it("is verified, looked at and imported as the bundle that it holds", async () => {
    const { bench, id } = await exported();
    const verified = await bench.run(["verify", "run.html", "--json"]);
    const [report] = JSON.parse(verified.stdout).verified;
    expect(report).toMatchObject({ id, integrity: "intact", events: 31 });
    const events = await bench.run(["events", "run.html", "--ndjson"]);
    const own = await bench.run(["events", id, "--ndjson"]);
    expect(events.stdout).toBe(own.stdout);
    const there = ["--data", bench.path("there")];
    const imported = await bench.run(["import", "run.html", "--quiet", ...there]);
    expect(imported.stdout.trim()).toBe(id);
    const piped = await bench.run(["import", "-", "--quiet", "--data", bench.path("piped")], {
      input: bench.read("run.html"),
    });
    expect(piped.stdout.trim()).toBe(id);
    const original = await bench.run(["export", id, "--format", "original", ...there]);
    expect(original.stdout).toBe(transcriptLines(30));
  });

  it("is read where something has broken its lines", async () => {
    const { bench } = await exported();
    const text = bench.read("run.html").toString("latin1");
    const begin = text.indexOf('id="bundle">') + 'id="bundle">'.length;
    const end = text.indexOf("<", begin);
    const lines = text.slice(begin, end).replace(/.{77}/g, "$&\r\n");
    bench.write(
      "lines.html",
      Buffer.from(text.slice(0, begin) + lines + text.slice(end), "latin1"),
    );
    expect((await bench.run(["verify", "lines.html"])).code).toBe(0);
    for (const size of [1, 75, 1000]) {
      const read: Uint8Array[] = [];
      const pieces = inPieces(bench.read("lines.html"), size);
      for await (const piece of bundleOfPage(pieces)) read.push(piece);
      const whole: Uint8Array[] = [];
      for await (const piece of bundlePieces(bench.path("run.html"))) whole.push(piece);
      expect(Buffer.concat(read).equals(Buffer.concat(whole)), `${size} bytes a piece`).toBe(true);
    }
  });

  it("is refused where it is cut off, or where it is any other page", async () => {
    const { bench } = await exported();
    const whole = bench.read("run.html");
    bench.write("cut.html", whole.subarray(0, whole.indexOf('id="bundle">') + 500));
    bench.write("other.html", "<!doctype html><title>news</title><p>hello");
    for (const name of ["cut.html", "other.html"]) {
      for (const call of [
        ["verify", name],
        ["events", name],
        ["import", name],
      ]) {
        const { code, stderr } = await bench.run(call);
        expect(code, call.join(" ")).not.toBe(0);
        expect(stderr, call.join(" ")).toMatch(/cut off|without a bundle|damaged/);
      }
    }
    expect((await bench.run(["ls", "--quiet"])).stdout.trim().split("\n")).toHaveLength(1);
  });

  it("is written whole or not at all", async () => {
    const { bench, id } = await exported();
    bench.write("kept.html", "as it was");
    bench.damage(id);
    const call = ["export", id, "--format", "html", "-o", "kept.html"];
    const { code } = await bench.run(call);
    if (code !== 0) expect(bench.read("kept.html").toString()).toBe("as it was");
    expect(fs.readdirSync(bench.folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    const refused = await bench.run(["export", id, "--format", "html", "--from", "3"]);
    expect(refused.code).toBe(2);
  });
});
