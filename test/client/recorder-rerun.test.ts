// What was recorded on a server is a test on another machine: the code of today, over the session
// as the server sends it.

import { describe, expect, test } from "vitest";
import { ReachClient, type SessionRecorder } from "../../src/client.ts";
import { rerunOf, reruns } from "../../src/testing.ts";
import { drawing, drawnParts, runParts } from "../recorder/drawn-code.ts";
import { type Served, serve } from "../server/serving.ts";

async function asking(session: SessionRecorder, question: string, run: () => string) {
  await session.append({ type: "question", data: question });
  const answer = await session.effect("model", { question }, run);
  await session.append({ type: "answer", data: "x".repeat(10_000) + answer });
  return answer;
}

async function recorded(served: Served, ends = true): Promise<string> {
  const session = new ReachClient({ url: served.url }).recorder();
  await asking(session, "why", () => "because");
  if (ends) await session.close();
  return session.id;
}

const never = (): never => {
  throw new Error("an effect has run");
};

describe("a session of a server as a test", () => {
  test("passes with the same code, by a URL or a client, also while it goes on", async () => {
    const served = await serve();
    const client = new ReachClient({ url: served.url });
    for (const id of [await recorded(served), await recorded(served, false)]) {
      await reruns({ url: served.url, id }, (session) => asking(session, "why", never))();
      const report = await rerunOf({ client, id }, (session) => asking(session, "why", never));
      expect(report).toEqual({ verdict: "identical", events: 3, effects: 1, divergence: null });
    }
  });

  test("fails with other code, and for whoever may not read it", async () => {
    const served = await serve();
    const id = await recorded(served);
    const failing = reruns({ url: served.url, id }, (session) => asking(session, "how", never));
    await expect(failing()).rejects.toMatchObject({ code: "DIVERGED" });
    const verifierKey = "reach.other/default+00000000+AQ==";
    const other = reruns({ url: served.url, id }, (s) => asking(s, "why", never), { verifierKey });
    await expect(other()).rejects.toThrow();
    const none = "0199c1f2-0000-7000-8000-000000000000";
    const missing = reruns({ url: served.url, id: none }, (s) => asking(s, "why", never));
    await expect(missing()).rejects.toMatchObject({ code: "NOT_FOUND" });
    const token = await served.token(["sessions:append"]);
    const poor = reruns({ url: served.url, token, id }, (s) => asking(s, "why", never));
    await expect(poor()).rejects.toMatchObject({ code: "FORBIDDEN" });
    const good = await served.token(["sessions:read"]);
    await reruns({ url: served.url, token: good, id }, (s) => asking(s, "why", never))();
  });

  test("fails where the server sends another one", async () => {
    const served = await serve();
    const [id, sent] = [await recorded(served), await recorded(served)];
    const real = new ReachClient({ url: served.url });
    const client: Pick<ReachClient, "saveBundle"> = {
      saveBundle: (_, save) => real.saveBundle(sent, save),
    };
    const rerun = reruns({ client, id }, (session) => asking(session, "why", never));
    await expect(rerun()).rejects.toMatchObject({ code: "CORRUPT", where: id });
  });

  test("takes the same way, whatever ran beside each other", async () => {
    const served = await serve();
    const client = new ReachClient({ url: served.url });
    for (let seed = 1; seed <= 12; seed++) {
      const parts = drawnParts(drawing(seed));
      const session = client.recorder();
      await runParts(session, parts, "part");
      await session.close();
      const source = { client, id: session.id };
      const { verdict } = await rerunOf(source, (again) => runParts(again, parts, "part"));
      expect({ seed, verdict }).toEqual({ seed, verdict: "identical" });
    }
  });
});
