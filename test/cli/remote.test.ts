// Commands with --url print of a server what they print of its data directory.

import * as fs from "node:fs";
import { describe, expect, it } from "vitest";
import { ReachClient } from "../../src/client.ts";
import { MemoryEngine } from "../server/memory-engine.ts";
import { type Served, serve } from "../server/serving.ts";
import { writeSample } from "../session/sample-session.ts";
import { ended, heard, Workbench } from "./reach-command.ts";
import { breakInside, problem, standIn } from "./stand-in.ts";

async function both(served: Served, bench: Workbench, args: readonly string[]) {
  const data = served.scratch.at("data");
  const [there, here] = await Promise.all([
    bench.run(["--url", served.url, ...args]),
    bench.run(["--data", data, ...args]),
  ]);
  return { there, here };
}

describe("a command with --url", () => {
  it("prints the events of a server as those of its data directory", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 40);
    await served.restart();
    const bench = new Workbench();
    for (const flags of [
      [],
      ["--ndjson"],
      ["--json", "--payload", "ref"],
      ["--from", "5", "--to", "30", "--limit", "4"],
      ["--kind", "result", "--ndjson", "--payload", "none"],
    ]) {
      const { there, here } = await both(served, bench, ["events", id.slice(0, 15), ...flags]);
      expect({ flags, ...there }).toEqual({ flags, ...here });
      expect(there.stdout.length).toBeGreaterThan(50);
    }
    const { there, here } = await both(served, bench, ["tail", id, "-n", "3"]);
    expect(there).toEqual(here);
    expect(there.stdout.split("\n")).toHaveLength(5);
  });

  it("asks a server only for the sessions whose ids begin as what is given", async () => {
    const served = await serve();
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) ids.push(await writeSample(served.directory, 3));
    await served.restart();
    const bench = new Workbench();
    const asked: string[] = [];
    const url = await standIn(served.url, (path) => {
      asked.push(path);
      return path;
    });
    const [id = ""] = ids;
    const shown = await bench.run(["--url", url, "show", id.slice(0, 20)]);
    expect(shown.code).toBe(0);
    expect(asked[0]).toContain(`prefix=${id.slice(0, 20)}`);
    expect(asked.filter((path) => path.startsWith("/v1/sessions?"))).toHaveLength(1);
    const mistyped = `${id.slice(0, 19)}${id[19] === "0" ? "1" : "0"}`;
    const unknown = await bench.run(["--url", url, "show", mistyped]);
    expect(unknown.code).toBe(5);
    expect(unknown.stderr).toContain("did you mean");
  });

  it("shows states, sessions and verdicts of a server", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 40);
    await served.restart();
    const bench = new Workbench();
    const states = await both(served, bench, ["state", id, "--at", "30", "--json"]);
    expect(JSON.parse(states.there.stdout)).toEqual(JSON.parse(states.here.stdout));
    const lists = await both(served, bench, ["ls", "--quiet"]);
    expect(lists.there).toEqual(lists.here);
    const shown = await both(served, bench, ["show", id]);
    expect(shown.there.code).toBe(0);
    const local = new Set(shown.here.stdout.split("\n"));
    const lines = shown.there.stdout.split("\n");
    expect(lines.filter((line) => !local.has(line))).toEqual([]);
    const replayed = await both(served, bench, ["replay", id, "--quiet", "--no-keep"]);
    expect(replayed.there).toEqual(replayed.here);
    const verified = await both(served, bench, ["verify", id, "--quiet"]);
    expect(verified.there).toEqual(verified.here);
    expect(fs.readdirSync(bench.folder)).toEqual([]);
  });

  it("follows a session until Ctrl-C, here and there", async () => {
    const served = await serve();
    const client = new ReachClient({ url: served.url });
    const { id } = await client.record([{ type: "first" }, { type: "second" }]);
    const bench = new Workbench();
    const data = served.scratch.at("data");
    for (const place of [
      ["--url", served.url],
      ["--data", data],
    ]) {
      const child = bench.start([...place, "tail", id, "-f", "-n", "1", "--ndjson"]);
      const { size } = await client.session(id);
      const word = `live-${place[0]}`;
      await heard(child.stdout, /"seq":\d+/);
      const live = heard(child.stdout, new RegExp(`"type":"${word}"`));
      const over = new Promise((resolve) => child.once("close", resolve));
      await client.append(id, [{ type: word }]);
      const seqs = [...(await live).matchAll(/"seq":(\d+)/g)].map(([, seq]) => Number(seq));
      expect(seqs.at(-1)).toBe(size);
      child.kill("SIGINT");
      expect(await over).toBe(130);
    }
  });

  it("begins a session once, and ends following it with the session", async () => {
    const engine = (directory: Served["directory"]) => new MemoryEngine(directory);
    const served = await serve({ engine });
    const bench = new Workbench();
    const trigger = ["--url", served.url, "trigger", "echo", "--input", '{"a":1}', "--key", "k"];
    const first = await bench.run(trigger);
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect((await bench.run(trigger)).stdout).toBe(first.stdout);
    const seen = await bench.run(["--url", served.url, "tail", first.stdout.trim()]);
    expect(seen.stdout).toContain("trigger");
    const missing = await bench.run(["--url", served.url, "trigger", "missing"]);
    expect(missing).toMatchObject({ code: 5, stdout: "" });
    expect((await bench.run(["trigger", "echo"])).code).toBe(2);
  });

  it("cancels a session of the server, which has its reason then", async () => {
    const engine = (directory: Served["directory"]) => new MemoryEngine(directory);
    const served = await serve({ engine });
    const bench = new Workbench();
    const { stdout } = await bench.run(["--url", served.url, "trigger", "echo"]);
    const id = stdout.trim();
    const args = ["--url", served.url, "cancel", id.slice(0, 13)];
    const cancelled = await bench.run([...args, "--reason", "no need", "--json"]);
    expect(cancelled).toMatchObject({ code: 0, stderr: "" });
    const { seq } = JSON.parse(cancelled.stdout) as { seq: number };
    expect(JSON.parse(cancelled.stdout)).toEqual({ id, seq });
    const seen = await bench.run(["--url", served.url, "events", id, "--ndjson"]);
    const events = seen.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events[seq]).toMatchObject({ kind: "cancel", data: { reason: "no need" } });
  });

  it("takes its token from the environment or a file, and has codes for refusals", async () => {
    const served = await serve();
    const token = await served.token(["sessions:read"]);
    const bench = new Workbench();
    const file = bench.write("token", `${token}\n`);
    const list = ["--url", served.url, "ls"];
    const without = await bench.run(list);
    expect(without.code).toBe(6);
    expect(without.stderr).toContain("REACH_TOKEN");
    expect((await bench.run(list, { env: { REACH_TOKEN: token } })).code).toBe(0);
    expect((await bench.run(list, { env: { REACH_TOKEN_FILE: file } })).code).toBe(0);
    const env = { REACH_TOKEN_FILE: bench.path("none") };
    expect((await bench.run(list, { env })).code).toBe(5);
    const away = await bench.run(["--url", "http://127.0.0.1:1", "tail", "0199", "-f"]);
    expect(away.code).toBe(7);
    const local = await bench.run(["--url", served.url, "gc"]);
    expect(local).toMatchObject({ code: 2, stdout: "" });
    expect(local.stderr).toContain("works on a data directory");
    expect((await bench.run(["--url", served.url, "--data", ".", "ls"])).code).toBe(2);
  });

  it("does not take another session for the one that was named", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 20);
    const other = await writeSample(served.directory, 30);
    await served.restart();
    const url = await standIn(served.url, (path) => path.replace(id, other));
    const bench = new Workbench();
    const [key] = served.directory.identity.verifierKey.split("\n");
    const verified = await bench.run(["--url", url, "verify", id, "--key", key as string]);
    expect(verified).toMatchObject({ code: 4, stdout: "" });
    expect(verified.stderr).toContain(`session ${other}, not ${id}`);
    const json = await bench.run(["--url", url, "verify", id, "--json"]);
    expect(JSON.parse(json.stderr)).toMatchObject({ error: { code: "BUNDLE_INVALID", where: id } });
    for (const command of ["show", "events", "tail", "replay"]) {
      const { code, stdout, stderr } = await bench.run(["--url", url, command, id]);
      expect({ command, code, stdout }).toEqual({ command, code: 4, stdout: "" });
      expect(stderr).toContain(`session ${other}, not ${id}`);
    }
    expect((await bench.run(["--url", url, "verify", other])).code).toBe(0);
  });

  it("fetches a session again when the connection breaks inside of it", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 20);
    await served.restart();
    const bench = new Workbench();
    let breaks = 1;
    const url = await standIn(served.url, (path, reply) => {
      if (!path.endsWith("/bundle") || breaks-- <= 0) return path;
      breakInside(reply);
      return undefined;
    });
    const verified = await bench.run(["--url", url, "verify", id, "--quiet"]);
    expect(verified).toMatchObject({ code: 0, stdout: "intact complete\n", stderr: "" });
    breaks = Number.POSITIVE_INFINITY;
    const never = await bench.run(["--url", url, "verify", id]);
    expect(never).toMatchObject({ code: 7, stdout: "" });
    expect(never.stderr).not.toContain("bug of Reach");
  });

  it("Ctrl-C ends waiting for a session that does not come", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 20);
    await served.restart();
    const bench = new Workbench();
    let asked = (): void => {};
    const waiting = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const url = await standIn(served.url, (path, reply) => {
      if (!path.endsWith("/bundle")) return path;
      reply.writeHead(200, { "content-length": 4096 });
      reply.write("REACHBDL", () => asked());
      return undefined;
    });
    const child = bench.start(["--url", url, "verify", id]);
    const end = ended(child);
    await waiting;
    // The answer is being read a moment after it was sent.
    await new Promise((resolve) => setTimeout(resolve, 200));
    child.kill("SIGINT");
    const { code, stderr } = await end;
    expect({ code, bug: stderr.includes("bug of Reach") }).toEqual({ code: 130, bug: false });
  });

  it("says that what answers is no Reach server", async () => {
    const url = await standIn("", (_, reply) => {
      reply.writeHead(200, { "content-type": "text/html" });
      reply.end("<html>hello</html>");
      return undefined;
    });
    const bench = new Workbench();
    const { code, stdout, stderr } = await bench.run(["--url", url, "ls"]);
    expect({ code, stdout }).toEqual({ code: 7, stdout: "" });
    expect(stderr).toContain(`${url} answers what is no JSON`);
    expect(stderr).toContain("does `reach serve` run there?");
  });

  it("says that the server is lost while it follows, and goes on when it is back", async () => {
    const served = await serve();
    const { id } = await new ReachClient({ url: served.url }).record([{ type: "first" }]);
    let refusals = 5;
    const url = await standIn(served.url, (path, reply) => {
      if (!path.includes("/tail")) return path;
      if (refusals-- > 0) {
        problem(reply, 503, "UNAVAILABLE");
        return undefined;
      }
      reply.writeHead(200, { "content-type": "text/event-stream" });
      reply.write('event: control\ndata: {"next":1,"upToDate":true}\n\n');
      reply.end('event: control\ndata: {"next":1,"closed":true}\n\n');
      return undefined;
    });
    const bench = new Workbench();
    const followed = await bench.run(["--url", url, "tail", id, "-f", "--ndjson"]);
    expect(followed).toMatchObject({ code: 0 });
    expect(followed.stdout).toContain('"type":"first"');
    expect(followed.stderr).toBe(
      `${url} is lost, trying again …  (it is UNAVAILABLE)\n${url} is back\n`,
    );
  });

  it("verifies all sessions of a server but those that are removed meanwhile", async () => {
    const served = await serve();
    const ids = [await writeSample(served.directory, 5), await writeSample(served.directory, 5)];
    const [removed] = ids as [string, string];
    await served.restart();
    const url = await standIn(served.url, (path, reply) => {
      if (!path.endsWith(`${removed}/bundle`)) return path;
      problem(reply, 410, "GONE");
      return undefined;
    });
    const bench = new Workbench();
    const all = await bench.run(["--url", url, "verify", "--all", "--json"]);
    expect(all.code).toBe(0);
    expect((JSON.parse(all.stdout) as { verified: unknown[] }).verified).toHaveLength(1);
    expect(all.stderr).toContain(`${removed} was removed meanwhile`);
    expect((await bench.run(["--url", url, "verify", removed, "--all"])).code).toBe(5);
  });

  it("ends following at once behind the end of a session that has ended", async () => {
    const engine = (directory: Served["directory"]) => new MemoryEngine(directory);
    const served = await serve({ engine });
    const client = new ReachClient({ url: served.url });
    const { id } = await client.trigger("echo", {});
    await client.cancel(id);
    const bench = new Workbench();
    for (const place of [
      ["--url", served.url],
      ["--data", served.scratch.at("data")],
    ]) {
      for (const from of [
        ["-n", "0"],
        ["--from", "1000"],
      ]) {
        const child = bench.start([...place, "tail", id, "-f", ...from, "--ndjson"]);
        const late = setTimeout(() => child.kill("SIGKILL"), 8000);
        const { code, stdout } = await ended(child);
        clearTimeout(late);
        expect({ place: place[0], from, code, stdout }).toEqual({
          place: place[0],
          from,
          code: 0,
          stdout: "",
        });
      }
    }
  });
});

describe("a server that does not answer", () => {
  it("is waited for, and the person who waits is told", async () => {
    const bench = new Workbench();
    const url = await standIn("http://127.0.0.1", () => undefined);
    const child = bench.start(["ls", "--url", url]);
    const end = ended(child);
    expect(await heard(child.stderr, /\n/)).toBe(`waiting for an answer of ${url} …\n`);
    child.kill("SIGINT");
    expect(await end).toMatchObject({ stdout: "", signal: "SIGINT" });
  });
});
