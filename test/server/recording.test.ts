// What a recorder asks of a server: sessions under ids of its own, exactly once; going on as the
// only one; a signature when it is done.

import { describe, expect, it } from "vitest";
import { decodeValue, encodeValue } from "../../src/base/index.ts";
import { type Served, serve } from "./serving.ts";

const id = "0199c1f2-0000-7000-8000-00000000002a";

function producer(epoch: number, sequence: number, name = "recorder"): Record<string, string> {
  return { "producer-id": name, "producer-epoch": `${epoch}`, "producer-seq": `${sequence}` };
}

interface Answered {
  readonly id: string;
  readonly code: string;
  readonly epoch: number;
  readonly events: readonly {
    readonly kind: string;
    readonly type: string;
    readonly ref: number | null;
    readonly data: unknown;
  }[];
  readonly sessions: readonly { readonly id: string }[];
}

async function jsonOf(answer: Response): Promise<Answered> {
  return (await answer.json()) as Answered;
}

function begin(served: Served, headers: Record<string, string>, events: unknown = [{ type: "a" }]) {
  return served.post("/v1/sessions", { id, name: "own", events }, headers);
}

function append(served: Served, headers: Record<string, string>, events: unknown) {
  return served.post(`/v1/sessions/${id}/events`, events, headers);
}

async function resume(served: Served, name = "recorder") {
  const answer = await served.post(`/v1/sessions/${id}/resume`, { producer: name });
  return { status: answer.status, body: await jsonOf(answer) };
}

async function eventsOf(served: Served) {
  const { events } = await jsonOf(await served.get(`/v1/sessions/${id}/events`));
  return events.map(({ kind, type, ref, data }) => [kind, type, ref, data]);
}

describe("a session under an id of its own", () => {
  it("begins once, also over a restart and side by side, and is nobody else's", async () => {
    const served = await serve();
    const both = await Promise.all([begin(served, producer(7, 0)), begin(served, producer(7, 0))]);
    expect(both.map(({ status }) => status)).toEqual([201, 201]);
    const replayed = both.map(({ headers }) => headers.get("idempotent-replayed"));
    expect(replayed.filter((header) => header === "true")).toHaveLength(1);
    await served.restart("crash");
    const again = await begin(served, producer(7, 0));
    expect([again.status, await jsonOf(again)]).toEqual([201, { id }]);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect((await append(served, producer(7, 1), [{ type: "b" }])).status).toBe(201);
    // Later than what it has appended since, it is the same request still.
    expect((await begin(served, producer(7, 0))).status).toBe(201);
    for (const other of [producer(8, 0), producer(6, 0), producer(7, 0, "other")]) {
      const refused = await begin(served, other);
      expect([refused.status, (await jsonOf(refused)).code]).toEqual([409, "ALREADY_EXISTS"]);
    }
    const plain = await served.post("/v1/sessions", { id, events: [{ type: "a" }] });
    expect((await jsonOf(plain)).code).toBe("ALREADY_EXISTS");
    expect((await eventsOf(served)).map(([, type]) => type)).toEqual(["a", "b"]);
  });

  it("is refused with a key, for a removed id, and where it is no id", async () => {
    const served = await serve();
    const keyed = await begin(served, { ...producer(0, 0), "idempotency-key": "k" });
    expect([keyed.status, (await jsonOf(keyed)).code]).toEqual([400, "REQUEST_INVALID"]);
    const bad = await served.post("/v1/sessions", { id: "../etc", events: [{ type: "a" }] });
    expect(bad.status).toBe(422);
    expect((await begin(served, producer(0, 0))).status).toBe(201);
    expect((await served.get(`/v1/sessions/${id}`, { method: "DELETE" })).status).toBe(204);
    expect((await begin(served, producer(1, 0))).status).toBe(410);
  });
});

describe("going on with a recording", () => {
  it("shuts the one before out, and marks what that left open", async () => {
    const served = await serve();
    const call = { kind: "call", type: "model", data: { input: 1 } };
    await begin(served, producer(41, 0), [call, call]);
    await append(served, producer(41, 1), { kind: "result", type: "model", ref: 0, data: {} });
    await served.restart("crash");
    expect(await resume(served)).toEqual({
      status: 200,
      body: { epoch: 42, sequence: 2, size: 5, leftOpen: [{ seq: 1, name: "model" }] },
    });
    const late = await append(served, producer(41, 2), [{ type: "late" }]);
    expect([late.status, (await jsonOf(late)).code]).toEqual([409, "FENCED"]);
    await served.restart("crash");
    expect((await append(served, producer(41, 2), [{ type: "late" }])).status).toBe(409);
    expect((await append(served, producer(42, 2), [{ type: "on" }])).status).toBe(201);
    expect((await resume(served)).body).toMatchObject({ epoch: 43, sequence: 1, leftOpen: [] });
    const message = 'the process that ran "model" ended before its result was recorded';
    const error = { name: "ReachError", code: "INTERRUPTED", message };
    expect((await eventsOf(served)).slice(3)).toEqual([
      ["note", "reach.resumed", null, {}],
      ["result", "model", 1, { error }],
      ["emit", "on", null, null],
      ["note", "reach.resumed", null, {}],
    ]);
  });

  it("gives everybody who does so at the same time an epoch of their own", async () => {
    const served = await serve();
    await begin(served, producer(0, 0));
    const all = await Promise.all(Array.from({ length: 5 }, () => resume(served)));
    const epochs = all.filter(({ status }) => status === 200).map(({ body }) => body.epoch);
    expect(new Set(epochs).size).toBe(epochs.length);
    const last = Math.max(...epochs);
    for (const epoch of epochs) {
      const answer = await append(served, producer(epoch, 1), [{ type: `of ${epoch}` }]);
      expect(answer.status).toBe(epoch === last ? 201 : 409);
    }
  });

  it("is for recordings: no imports, no streams, none that is not there", async () => {
    const served = await serve();
    expect((await resume(served)).status).toBe(404);
    const stream = await served.get("/v1/stream/s", { method: "PUT" });
    expect(stream.status).toBe(201);
    const { sessions } = await jsonOf(await served.get("/v1/sessions"));
    const path = `/v1/sessions/${sessions[0]?.id}/resume`;
    const refused = await served.post(path, { producer: "recorder" });
    expect([refused.status, (await jsonOf(refused)).code]).toEqual([409, "CONFLICT"]);
  });
});

it("a session is signed for whoever may append to it, whole and at once", async () => {
  const served = await serve();
  const scopes = ["sessions:trigger", "sessions:append"] as const;
  const headers = { authorization: `Bearer ${await served.token(scopes)}` };
  await served.post("/v1/sessions", { id, events: [{ type: "a" }] }, headers);
  for (let size = 2; size < 5; size++) {
    await append(served, headers, [{ type: "b" }]);
    const path = `/v1/sessions/${id}/checkpoint`;
    const signed = await served.get(path, { method: "POST", headers });
    expect([signed.status, signed.headers.get("reach-size")]).toEqual([200, `${size}`]);
    expect(await signed.text()).toContain(`\n${size}\n`);
    expect((await served.get(path, { headers })).status).toBe(403);
  }
});

it("data may be as deep as in a recording here, and undefined", async () => {
  const served = await serve();
  let deep: unknown = 1;
  for (let i = 0; i < 512; i++) deep = [deep];
  const events = [
    { type: "deep", data: deep },
    { type: "none", data: undefined },
    { type: "null" },
  ].map((event) => encodeValue(event.type === "deep" ? { type: "deep", data: null } : event));
  // The encoder holds to the depth of data: the bytes of the data are put in their place.
  const body = Buffer.concat([
    Buffer.from([0x83]),
    (events[0] as Uint8Array).subarray(0, -1),
    encodeValue(deep),
    events[1] as Uint8Array,
    events[2] as Uint8Array,
  ]);
  await begin(served, {});
  const headers = { "content-type": "application/cbor" };
  const path = `/v1/sessions/${id}/events`;
  expect((await served.get(path, { method: "POST", headers, body })).status).toBe(201);
  const reader = served.directory.session(id);
  const kept = [...reader.events(1)].map(({ payloadBytes }) => decodeValue(payloadBytes));
  reader.close();
  expect(kept).toStrictEqual([deep, undefined, null]);
  const deeper = Buffer.concat([body.subarray(0, 1), Buffer.from([0x81]), body.subarray(1)]);
  expect((await served.get(path, { method: "POST", headers, body: deeper })).status).toBe(422);
});
