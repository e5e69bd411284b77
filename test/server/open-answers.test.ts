// A token that does not count any more ends what was asked with it.

import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { ReachError } from "../../src/base/index.ts";
import { OpenAnswers } from "../../src/server/access/open-answers.ts";
import { serve } from "./serving.ts";

it("a tail ends when its token is revoked, and others go on", async () => {
  const served = await serve();
  const begun = await served.post("/v1/sessions", { events: [{ type: "a" }] });
  const { id } = (await begun.json()) as { id: string };
  const tail = async (token: string) => {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`${served.url}/v1/sessions/${id}/tail`, { headers });
    expect(answer.status).toBe(200);
    const reading = (async () => {
      for await (const _ of answer.body ?? []);
    })();
    const waited = new Promise((resolve) => setTimeout(resolve, 4000, "open"));
    const broken = reading.catch(() => {}).then(() => "over");
    return Promise.race([broken, waited]);
  };
  const token = await served.token(["sessions:read"]);
  const tails = [tail(token), tail(await served.token(["sessions:read"]))];
  await new Promise((resolve) => setTimeout(resolve, 300));
  await served.tokens.revoke(token.slice(6, 18));
  expect(await Promise.all(tails)).toEqual(["over", "open"]);
});

it("a token that cannot be read ends nothing, until it is known not to count", async () => {
  const answers: ("unreadable" | "none")[] = ["unreadable", "unreadable", "none"];
  let looks = 0;
  const open = new OpenAnswers(() => {
    looks += 1;
    if (answers.shift() === "unreadable") throw new ReachError("IO_FAILED", "EMFILE");
    return false;
  }, 5);
  const answer = new PassThrough() as unknown as ServerResponse;
  Object.assign(answer, { headersSent: true });
  open.add("token", answer);
  await once(answer, "close");
  expect(looks).toBe(3);
  open.close();
});
