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

it("names a member or parameter that nothing takes", async () => {
  const served = await serve();
  const begun = await served.post("/v1/sessions", { events: [{ type: "a" }] });
  const { id } = (await begun.json()) as { id: string };
  const said = async (answer: Promise<Response>): Promise<unknown> =>
    ((await (await answer).json()) as { detail: unknown }).detail;
  const post = (path: string, body: unknown) => said(served.post(path, body));
  const begin = "/v1/sessions";
  const append = `/v1/sessions/${id}/events`;
  expect(await said(served.get("/v1/sessions?colour=1"))).toBe(
    "colour in the query is not known here",
  );
  const unknown = "colour in the body is not known here";
  expect(await post(begin, { events: [{ type: "a" }], colour: 1 })).toBe(unknown);
  expect(await post(begin, { program: "x", colour: 1 })).toBe(unknown);
  expect(await post(append, { type: "a", colour: 1 })).toBe(unknown);
  expect(await post(append, [{ type: "a", colour: 1 }])).toBe(`0.${unknown}`);
  expect(await post(begin, { events: [{ type: "a", colour: 1 }] })).toBe(`events.0.${unknown}`);
  expect(await post(begin, { programme: "x" })).toBe("programme in the body is not known here");
  expect(await post(begin, { name: 5, events: [{ type: "a" }] })).toBe(
    "name in the body must be string",
  );
  expect(await post(begin, { program: "x", events: [{ type: "a" }] })).toBe(
    "the body must not have additional properties",
  );
});

it("says which types of bodies there are to whoever sends another", async () => {
  const served = await serve();
  const headers = { "content-type": "text/plain" };
  const answer = await served.get("/v1/sessions", { method: "POST", body: "x", headers });
  expect([answer.status, await answer.json()]).toMatchObject([
    415,
    {
      detail: "the body has a Content-Type that is not taken",
      hint: "send application/json or application/cbor",
    },
  ]);
});
