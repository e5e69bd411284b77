// The example of a support agent: its README, run as it stands, does what it says, and the session
// that was kept with it still replays.

import * as path from "node:path";
import { describe, expect, it, test } from "vitest";
import { replays } from "../../src/testing.ts";
import { heard } from "../cli/reach-command.ts";
import { Example, exampleFolder, freePort } from "./example.ts";

const answer = "A-17 is shipped, now in Rotterdam. B-42 is being packed.";
const otherAnswer = "A-17 is shipped, now in Rotterdam. B-42 is lost.";
const folder = exampleFolder("support-agent");

interface Event {
  readonly seq: number;
  readonly kind: string;
  readonly type: string;
}

describe("docs/examples/support-agent", () => {
  it("runs, replays, forks and becomes a test as its README says", async () => {
    const example = new Example("support-agent", { MODEL_PORT: String(await freePort()) });
    const [server = "", ...steps] = example.blocks;
    expect(steps).toHaveLength(3);
    await heard(example.background(server).child.stdout, /http/);
    const { code, stdout, stderr } = await example.shell(steps.join("\n"));
    expect({ code, stdout, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toMatch(/^identical {3}23 events/m);
    expect(stdout).toContain(`result {"answer":"${otherAnswer}","turns":3}`);
    expect(stdout).toMatch(/Tests +1 passed/);
    for (const text of [answer, otherAnswer]) expect(example.readme).toContain(`\`${text}\``);
    const { sessions } = await example.json<{ sessions: { id: string }[] }>(["ls"]);
    const id = sessions.at(-1)?.id ?? "";
    const { events } = await example.json<{ events: Event[] }>(["events", id]);
    const found = events.filter(({ type }) => type === "orders.find");
    expect(found.map(({ kind }) => kind)).toEqual(["call", "call", "result", "result"]);
    expect(found[1]).toMatchObject({ seq: 5 });
    expect(JSON.stringify(events.at(-1))).toContain(answer);
  });

  it("notes tries that fail, and the program gets the last error", async () => {
    const example = new Example("support-agent", { MODEL_PORT: String(await freePort()) });
    const input = `--input '{"question":"Where is A-17?"}'`;
    const { code, stdout } = await example.shell(`reach run support-agent.ts ${input}`);
    expect(code).toBe(1);
    expect(stdout.match(/note +retry/g)).toHaveLength(2);
    expect(stdout).toContain("ECONNREFUSED");
  });

  it("has a README of less than 40 lines", () => {
    expect(new Example("support-agent").readme.split("\n").length).toBeLessThanOrEqual(40);
  });
});

const bundle = path.join(folder, "two-orders.bundle");
const program = path.join(folder, "support-agent.ts");
test("the session that is kept with the example replays", replays(bundle, { program }));
