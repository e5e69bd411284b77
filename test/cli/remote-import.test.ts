// `reach import --url` prints of a server what it prints of its data directory, and what was sent
// is there once, however it was interrupted.

import { describe, expect, it } from "vitest";
import { serve } from "../server/serving.ts";
import { hashOf, listed, originalHash } from "../server/uploading.ts";
import { ended, Workbench } from "./reach-command.ts";
import { claudeSession, ndjson } from "./transcripts.ts";

/** Without what differs from one import to the next: ids, hashes that depend on them, times. */
function plain(text: string): string {
  return text
    .replace(/[0-9a-f]{8}-[0-9a-f-]{4,27}/g, "ID")
    .replace(/[0-9a-f]{8}…[0-9a-f]{4}/g, "ROOT")
    .replace(/in \d[\d.]* \w+/g, "in TIME")
    .replace(/ +/g, " ");
}

describe("reach import --url", () => {
  it("prints and exits as it does for a data directory", async () => {
    const served = await serve();
    const bench = new Workbench();
    bench.write("a.jsonl", claudeSession(60));
    bench.write("b.jsonl", `${ndjson(40)}{"glued":1}{"glued":2}\nno json\n`);
    bench.write("doc.json", '{"runs":[{"n":1},{"n":2}]}');
    bench.write("empty.jsonl", "");
    bench.write("text.txt", "no transcript\n".repeat(20));
    for (const args of [
      ["a.jsonl"],
      ["a.jsonl"],
      ["b.jsonl", "text.txt", "doc.json"],
      ["doc.json", "--path", "runs", "--format", "json", "--fresh"],
      ["doc.json", "--path", "none"],
      ["empty.jsonl"],
      ["text.txt"],
      ["missing.jsonl"],
      ["a.jsonl", "--format", "cobol"],
      ["text.txt", "--format", "ndjson"],
      ["a.jsonl", "--format", "bundle"],
      ["a.jsonl", "--key", "x"],
      ["a.jsonl", "--quiet"],
    ]) {
      const there = await bench.run(["--url", served.url, "import", ...args]);
      const here = await bench.run(["import", ...args]);
      expect({
        args,
        code: there.code,
        text: plain(there.stdout),
        err: plain(there.stderr),
      }).toEqual({ args, code: here.code, text: plain(here.stdout), err: plain(here.stderr) });
    }
    const [one] = (await bench.json<Imports>(["--url", served.url, "import", "b.jsonl"])).imports;
    const [other] = (await bench.json<Imports>(["import", "b.jsonl"])).imports;
    expect(Object.keys(one ?? {})).toEqual(Object.keys(other ?? {}));
    expect(one).toMatchObject({ source: "b.jsonl", unchanged: true, records: 0 });
  });

  it("takes standard input, and what is longer goes on", async () => {
    const served = await serve();
    const bench = new Workbench();
    const args = ["--url", served.url, "import", "-", "--json"];
    const first = await bench.run(args, { input: ndjson(3000) });
    expect(first).toMatchObject({ code: 0, stderr: "" });
    const [{ id } = { id: "" }] = (JSON.parse(first.stdout) as Imports).imports;
    const text = ndjson(5000);
    const second = JSON.parse((await bench.run(args, { input: text })).stdout) as Imports;
    expect(second.imports).toMatchObject([{ id, source: "-", continuedFrom: 3001 }]);
    expect(await originalHash(served, id)).toBe(hashOf(text));
    const shown = await bench.run(["--url", served.url, "show", id]);
    expect(shown.stdout).toContain("ndjson");
  });

  it("takes bundles, and says why not where that cannot be", async () => {
    const served = await serve();
    const bench = new Workbench();
    const id = await bench.import("a.jsonl", claudeSession(30));
    await bench.run(["export", id, "--format", "bundle", "-o", "a.bundle"]);
    const taken = await bench.run(["--url", served.url, "import", "a.bundle"]);
    expect(taken).toMatchObject({ code: 0, stderr: "" });
    expect(taken.stdout).toContain("from a bundle");
    const piped = ["--url", served.url, "import", "-"];
    const again = await bench.run(piped, { input: bench.read("a.bundle") });
    expect(again.stdout).toContain("unchanged");
    const damaged = Buffer.from(bench.read("a.bundle"));
    const middle = damaged.length >> 1;
    damaged[middle] = (damaged[middle] ?? 0) ^ 1;
    bench.write("bad.bundle", damaged);
    expect(await bench.run(["--url", served.url, "import", "bad.bundle"])).toMatchObject({
      code: 4,
    });
    const restored = await bench.run(["--url", served.url, "import", "a.bundle", "--restore"]);
    expect(restored.code).toBe(2);
    expect(restored.stderr).toContain("stop the server");
    bench.write("folder/1.json", '{"a":1}');
    const folder = await bench.run(["--url", served.url, "import", "folder"]);
    expect(folder.code).toBe(2);
    expect(folder.stderr).toContain("is a folder, and a server takes files");
    expect(await listed(served)).toEqual([id]);
  });

  it("names a session by its id, and needs only the right to append", async () => {
    const served = await serve();
    const bench = new Workbench();
    const token = await served.token(["sessions:append"]);
    const env = { REACH_TOKEN: token };
    const id = "0199c1f2-0000-7000-8000-00000000000a";
    bench.write("a.jsonl", ndjson(20));
    const args = ["--url", served.url, "import", "a.jsonl", "--id", id];
    const made = await bench.run(args, { env });
    // Nobody says which other ids there are: it is told whole.
    expect(made).toMatchObject({ code: 0, stderr: "", stdout: expect.stringContaining(id) });
    const reader = await served.token(["sessions:read"]);
    const refused = await bench.run(args, { env: { REACH_TOKEN: reader } });
    expect(refused).toMatchObject({ code: 6, stdout: "" });
    bench.write("b.jsonl", ndjson(30));
    const both = { REACH_TOKEN: await served.token(["sessions:append", "sessions:read"]) };
    const more = ["--url", served.url, "import", "b.jsonl", "--id", id.slice(0, 14)];
    const continued = await bench.run(more, { env: both });
    expect(continued.stdout).toContain("continued with 10 events");
  });

  it("is interrupted by Ctrl-C, and the same command goes on", async () => {
    const served = await serve();
    const bench = new Workbench();
    const text = claudeSession(60_000);
    bench.write("long.jsonl", text);
    const child = bench.start(["--url", served.url, "import", "long.jsonl"]);
    const end = ended(child);
    const imports = served.server.context.workspaces.get("default")?.imports;
    await expect.poll(() => imports?.running, { interval: 2 }).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 400));
    child.kill("SIGINT");
    const { code, stderr } = await end;
    expect(code).toBe(130);
    expect(stderr).toContain("run the same command again to go on");
    await expect.poll(() => imports?.running, { timeout: 10_000 }).toBe(0);
    const [id] = await listed(served);
    expect(id).toBeDefined();
    const [again] = (await bench.json<Imports>(["--url", served.url, "import", "long.jsonl"]))
      .imports;
    expect(again?.id).toBe(id);
    expect(again?.continuedFrom).toBeGreaterThan(0);
    expect(await originalHash(served, id ?? "")).toBe(hashOf(text));
  });
});

interface Imports {
  readonly imports: readonly { readonly id: string; readonly continuedFrom: number | null }[];
}
