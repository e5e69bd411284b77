// Backups of a data directory that a real `reach serve` writes under load, in another process.

import * as fs from "node:fs";
import { describe, expect, it, onTestFinished } from "vitest";
import { Directory, verifySession } from "../../src/session/index.ts";
import { Workbench } from "../cli/reach-command.ts";
import { freePort, ServerProcess } from "./killing.ts";
import { post, workingProgram } from "./running.ts";

/** Clients that append as fast as they are answered; `acknowledged` counts the events of each. */
class Load {
  readonly acknowledged = new Map<string, number>();
  readonly #url: string;
  readonly #working: Promise<void>[] = [];
  #stopped = false;

  constructor(url: string, clients: number) {
    this.#url = url;
    for (let client = 0; client < clients; client++) this.#working.push(this.#client(client));
  }

  async #client(client: number): Promise<void> {
    for (let round = 0; !this.#stopped; round++) {
      const id = await this.#begin();
      for (let batch = 0; batch < 30 && id && !this.#stopped; batch++) {
        // Most are small; some go to packs, some past the journal.
        const size = batch === 20 ? 1_300_000 : batch % 7 === client % 7 ? 20_000 : 200;
        const text = `${client} ${round} ${batch} `.repeat(size / 10);
        const events = [
          { type: "a", data: { text } },
          { type: "b", data: { batch } },
        ];
        if (await this.#send(`/${id}/events`, events)) {
          this.acknowledged.set(id, (this.acknowledged.get(id) ?? 0) + 2);
        }
      }
    }
  }

  async #begin(): Promise<string | undefined> {
    const answer = await this.#send("", { events: [{ type: "first" }] });
    const id = answer?.["id"];
    if (typeof id !== "string") return undefined;
    this.acknowledged.set(id, 1);
    return id;
  }

  async #send(path: string, body: unknown): Promise<Record<string, unknown> | undefined> {
    try {
      const answer = await fetch(`${this.#url}/v1/sessions${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      const read = (await answer.json()) as Record<string, unknown>;
      return answer.status < 300 ? read : undefined;
    } catch {
      return undefined;
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#working);
  }
}

/** Everything in the backup verifies, and has what was acknowledged. */
async function judge(path: string, acknowledged: ReadonlyMap<string, number>): Promise<number> {
  const directory = await Directory.open({ path, mode: "read" });
  let events = 0;
  try {
    for (const [id, least] of acknowledged) {
      const { problems, integrity, events: intact } = await verifySession(directory, id);
      expect({ id, integrity, problems }).toEqual({ id, integrity: "intact", problems: [] });
      expect(intact, id).toBeGreaterThanOrEqual(least);
      events += intact;
    }
  } finally {
    await directory.close();
  }
  return events;
}

describe("a backup beside a server", () => {
  it("has everything acknowledged before it, under load, after a kill, and goes on", {
    timeout: 120_000,
  }, async () => {
    const bench = new Workbench();
    const server = new ServerProcess(bench.path("data"), await freePort());
    await server.start();
    onTestFinished(() => void server.end("SIGKILL"));
    const load = new Load(server.url, 6);
    const args = ["--data", bench.path("data"), "backup", bench.path("copy")];
    const folder = bench.path("copy/default");
    const reports = [];
    for (let round = 0; round < 4; round++) {
      await new Promise((resolve) => setTimeout(resolve, 1200));
      const before = new Map(load.acknowledged);
      expect(before.size).toBeGreaterThan(0);
      reports.push(await bench.json<{ copiedBytes: number; presentBytes: number }>(args));
      expect(await judge(folder, before)).toBeGreaterThan(0);
    }
    expect(reports.at(-1)?.presentBytes).toBeGreaterThan(reports[0]?.presentBytes ?? 0);
    // What it acknowledged until now is in the journal of a dead process, in part.
    await server.end("SIGKILL");
    await load.stop();
    await bench.json(args);
    await judge(folder, load.acknowledged);
    expect((await bench.run(["--data", bench.path("copy"), "verify", "--all"])).code).toBe(0);
  });

  it("is a data directory in which executed sessions go on", { timeout: 60_000 }, async () => {
    const bench = new Workbench();
    const program = bench.write("working.mjs", workingProgram);
    const server = new ServerProcess(bench.path("data"), await freePort(), ["--program", program]);
    await server.start();
    onTestFinished(() => void server.end("SIGKILL"));
    const input = { goal: 6, n: 5 };
    const { body } = await post(`${server.url}/v1/sessions`, { program: "working", input }, "one");
    const session = `/v1/sessions/${String(body["id"])}`;
    await bench.json(["--data", bench.path("data"), "backup", bench.path("copy")]);
    await server.end("SIGKILL");
    const copy = new ServerProcess(bench.path("copy"), await freePort(), ["--program", program]);
    await copy.start();
    onTestFinished(() => void copy.end("SIGKILL"));
    await post(`${copy.url}${session}/events`, { kind: "input", type: "go", data: {} });
    const ended = async (): Promise<unknown> => {
      const shown = await (await fetch(`${copy.url}${session}`)).json();
      return (shown as Record<string, unknown>)["outcome"];
    };
    await expect.poll(ended, { timeout: 20_000 }).toBe("done");
    expect(fs.existsSync(bench.path("copy/default/backup/state.json"))).toBe(true);
    // It is a data directory of its own now.
    const again = await bench.run(["--data", bench.path("data"), "backup", bench.path("copy")]);
    expect(again.code).toBe(1);
    expect(again.stderr).toContain("has been opened for writing since");
  });
});
