// The example of an agent that is recorded: its README, run as it stands, does what it says, and
// the session that was kept with it is still made again. What docs/RECORDING.md shows of code are
// parts of the example.

import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, it, test } from "vitest";
import { agent } from "../../docs/examples/recorded-agent/recorded-agent.ts";
import { recordedStream } from "../../docs/examples/recorded-agent/recorded-stream.ts";
import { open, type SessionRecorder } from "../../src/index.ts";
import { rerunOf, reruns } from "../../src/testing.ts";
import { heard } from "../cli/reach-command.ts";
import { Example, exampleFolder, freePort } from "./example.ts";

const folder = exampleFolder("recorded-agent");

interface Event {
  readonly seq: number;
  readonly kind: string;
  readonly type: string;
  readonly ref: number | null;
}

describe("docs/examples/recorded-agent", () => {
  it("records, shows its pieces and becomes a test as its README says", async () => {
    const example = new Example("recorded-agent", { MODEL_PORT: String(await freePort()) });
    const [server = "", ...steps] = example.blocks;
    await heard(example.background(server).child.stdout, /http/);
    const { code, stdout, stderr } = await example.shell(steps.join("\n"));
    expect({ code, stdout, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toMatch(/Tests +1 passed/);
    const { sessions } = await example.json<{ sessions: { id: string }[] }>(["ls"]);
    const { events } = await example.json<{ events: Event[] }>(["events", sessions[0]?.id ?? ""]);
    const chat = events.find(({ type }) => type === "model.chat")?.seq;
    const beside = events.filter(({ ref }) => ref === chat).map(({ kind }) => kind);
    expect(beside.length).toBeGreaterThan(3);
    expect(beside.slice(0, -1).every((kind) => kind === "note")).toBe(true);
    const looked = events.filter(({ type }) => type === "weather").map(({ kind }) => kind);
    expect(looked).toEqual(["call", "call", "call", "result", "result", "result"]);
  });

  it("records to a server, from which the run is made again", async () => {
    const port = String(await freePort());
    const serverPort = String(await freePort());
    const url = `http://127.0.0.1:${serverPort}`;
    const example = new Example("recorded-agent", { MODEL_PORT: port, REACH_URL: url });
    await heard(example.background(example.blocks[0] ?? "").child.stdout, /http/);
    await heard(example.background(`reach serve --port ${serverPort}`).child.stdout, /listening/);
    const built = "--bundle --packages=external --platform=node --format=esm --outfile=remote.mjs";
    const { code, stdout, stderr } = await example.shell(
      `npx esbuild record-remote.ts --log-level=error ${built} && node remote.mjs`,
    );
    expect({ code, stdout, stderr }).toMatchObject({ code: 0 });
    const [id = "", answer] = stdout.trim().split("\n");
    expect(answer).toContain("Paris: sun");
    const question = "Is it nicer in Oslo, in Paris or in Atlantis?";
    const report = await rerunOf({ url, id }, async (session) => {
      expect(await agent(session, question)).toBe(answer);
    });
    expect(report).toMatchObject({ verdict: "identical" });
  });

  it("has a README of less than 45 lines", () => {
    expect(new Example("recorded-agent").readme.split("\n").length).toBeLessThanOrEqual(45);
  });
});

test(
  "the session that is kept with the example is made again",
  reruns(path.join(folder, "three-cities.bundle"), async (session) => {
    const answer = await agent(session, "Is it nicer in Oslo, in Paris or in Atlantis?");
    expect(answer).toBe("I know: Oslo: rain; Paris: sun; nothing: there is no such city.");
  }),
);

test("a stream comes out again piece by piece, also where it fails or is left", async () => {
  let ended = 0;
  async function* counting(fails: boolean): AsyncGenerator<number, void> {
    try {
      for (let n = 1; n <= 5; n++) yield n;
      if (fails) throw new RangeError("no more");
    } finally {
      ended += 1;
    }
  }
  const listen = async (session: SessionRecorder, fails: boolean, leaveAt = 9) => {
    const heardPieces: (number | string)[] = [];
    try {
      for await (const n of recordedStream(session, "numbers", { fails }, () => counting(fails))) {
        await session.append({ type: "heard", data: n });
        heardPieces.push(n);
        if (n === leaveAt) break;
      }
    } catch (error) {
      heardPieces.push((error as Error).name);
    }
    return heardPieces;
  };
  const all = (session: SessionRecorder) => {
    return Promise.all([listen(session, false), listen(session, true), listen(session, true, 2)]);
  };
  const reach = await open({ data: new Example("recorded-agent").path(".reach") });
  const session = reach.record();
  const live = await all(session);
  await session.close();
  expect(live).toEqual([
    [1, 2, 3, 4, 5],
    [1, 2, 3, 4, 5, "RangeError"],
    [1, 2],
  ]);
  expect(ended).toBe(3);
  const rerun = reach.rerun(session.id);
  expect(await all(rerun)).toEqual(live);
  expect((await rerun.close()).verdict).toBe("identical");
  expect(ended).toBe(3);
  await reach.close();
});

test("the code of docs/RECORDING.md is that of the example", () => {
  const page = fs.readFileSync(path.join(folder, "../../RECORDING.md"), "utf8");
  const files = fs.readdirSync(folder).filter((name) => name.endsWith(".ts"));
  const code = files.map((name) => fs.readFileSync(path.join(folder, name), "utf8")).join("\n");
  const blocks = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, block = ""]) => block);
  expect(blocks.length).toBeGreaterThan(2);
  for (const block of blocks) expect(code).toContain(block);
});
