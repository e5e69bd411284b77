// What is said of a request that is not as its schema has it: what whoever sent it can go by.

import { expect, it } from "vitest";
import { serve } from "./serving.ts";

it("names what is wrong with what was meant, of a body that may be several things", async () => {
  const served = await serve();
  const begun = await served.post("/v1/sessions", { events: [{ type: "a" }] });
  const { id } = (await begun.json()) as { id: string };
  const said = async (path: string, body: unknown): Promise<unknown> => {
    const answer = await served.post(path, body);
    expect(answer.status).toBe(422);
    return ((await answer.json()) as { detail: unknown }).detail;
  };
  const begin = "/v1/sessions";
  const append = `/v1/sessions/${id}/events`;
  const few = "must not have fewer than 1";
  expect(await said(begin, { events: [] })).toBe(`events in the body ${few} items`);
  expect(await said(begin, { program: "" })).toBe(`program in the body ${few} characters`);
  expect(await said(begin, {})).toBe("the body must have required properties program");
  expect(await said(begin, { events: [{ data: 1 }] })).toBe(
    "events.0 in the body must have required properties type",
  );
  expect(await said(append, [])).toBe(`the body ${few} items`);
  expect(await said(append, [{ data: 1 }])).toBe(
    "0 in the body must have required properties type",
  );
});
