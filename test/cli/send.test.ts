// `reach send`: an input for a session of a server.

import { describe, expect, it } from "vitest";
import { newSessionId, systemClock, systemEntropy } from "../../src/base/index.ts";
import { ReachClient } from "../../src/client.ts";
import { MemoryEngine } from "../server/memory-engine.ts";
import { type Served, serve } from "../server/serving.ts";
import { Workbench } from "./reach-command.ts";

const engine = (directory: Served["directory"]) => new MemoryEngine(directory);

/** A server with a session that takes inputs, and calls of the command against it. */
async function waiting() {
  const served = await serve({ engine });
  const client = new ReachClient({ url: served.url });
  const { id } = await client.trigger("echo", null);
  const bench = new Workbench();
  const send = (...args: string[]) => bench.run(["--url", served.url, "send", ...args]);
  const inputs = async () => {
    const events = [];
    for await (const { seq, type, data } of client.events(id, { kind: "input" })) {
      events.push({ seq, type, data });
    }
    return events;
  };
  return { bench, client, id, send, inputs };
}

describe("reach send", () => {
  it("gives the session an input, from the command line or a file, or null", async () => {
    const { bench, id, send, inputs } = await waiting();
    const sent = await send(id.slice(0, 13), 'approval={"by":"me"}');
    expect(sent).toMatchObject({ code: 0, stderr: "" });
    expect(sent.stdout).toBe(`sent   as event 1   id ${id}\n`);
    const file = bench.write("contract.json", '{"pages":[1,2]}');
    const json = await send(id, `contract=@${file}`, "--json");
    expect(JSON.parse(json.stdout)).toEqual({ id, seq: 3, duplicate: false });
    expect((await send(id, "go", "--quiet", "--key", "k")).stdout).toBe(`${id}\n`);
    expect(await inputs()).toEqual([
      { seq: 1, type: "approval", data: { by: "me" } },
      { seq: 3, type: "contract", data: { pages: [1, 2] } },
      { seq: 5, type: "go", data: null },
    ]);
  });

  it("refuses what cannot be an input, and sends nothing", async () => {
    const { id, send, inputs } = await waiting();
    const quoted = await send(id, "approval=yes");
    expect(quoted).toMatchObject({ code: 2, stdout: "" });
    expect(quoted.stderr).toContain("approval is not JSON");
    expect(quoted.stderr).toContain(`write strings with quotes: approval='"…"'`);
    const nameless = await send(id, "=1");
    expect(nameless).toMatchObject({ code: 2, stdout: "" });
    expect(nameless.stderr).toContain("=1 names no type");
    const long = await send(id, `${"é".repeat(129)}=1`);
    expect(long).toMatchObject({ code: 2, stdout: "" });
    expect(long.stderr).not.toContain("--send");
    expect(await send(id)).toMatchObject({ code: 2, stdout: "" });
    expect((await send(id, "contract=@nowhere.json")).code).toBe(5);
    expect(await inputs()).toEqual([]);
  });

  it("refuses sessions that have ended, were recorded, or are not there", async () => {
    const { client, id, send } = await waiting();
    await client.cancel(id);
    const ended = await send(id, "go");
    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).toContain("has ended");
    const recorded = await client.record([{ type: "first" }]);
    const refused = await send(recorded.id, "go");
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toContain("the session is recorded");
    expect((await client.session(recorded.id)).size).toBe(1);
    expect((await send("0199ffff", "go")).code).toBe(5);
    expect((await send(newSessionId(systemClock, systemEntropy), "go")).code).toBe(5);
  });

  it("asks a server, and says what to do where none is named", async () => {
    const bench = new Workbench();
    const here = await bench.run(["send", "0199c1f2", "go"]);
    expect(here).toMatchObject({ code: 2, stdout: "" });
    expect(here.stderr).toContain("`reach run --resume ID --send TYPE=JSON`");
    const mistyped = await bench.run(["sned", "0199c1f2", "go"]);
    expect(mistyped).toMatchObject({ code: 2, stdout: "" });
    expect(mistyped.stderr).toContain("did you mean send?");
  });
});
