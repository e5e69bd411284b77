/** What `diffSessions` promises: the first event at which two sessions part, and how. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { encodeValue, newSessionId, type SessionId, sha256, utf8 } from "../../src/base/index.ts";
import {
  type DiffOptions,
  Directory,
  diffSessions,
  type SessionDifference,
} from "../../src/session/index.ts";
import { noise, randomFrom, type SampleEvent, Scratch, sampleEvent } from "./sample-session.ts";

let scratch: Scratch;
let directory: Directory;
beforeEach(async () => {
  scratch = new Scratch();
  directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
});
afterEach(async () => {
  await directory.close();
  scratch.remove();
});

async function session(events: readonly SampleEvent[]): Promise<SessionId> {
  const writer = await directory.openBulk();
  for (const { form, bytes, ...header } of events) writer.append(header, form, bytes);
  await directory.closeWriter(writer);
  return writer.id;
}

function samples(count: number, seed = 1): SampleEvent[] {
  const random = randomFrom(seed);
  return Array.from({ length: count }, (_, seq) => sampleEvent(seq, random));
}

function json(type: string, text: string, more: Partial<SampleEvent> = {}): SampleEvent {
  return { kind: "emit", type, time: 1, ref: null, form: "json", bytes: utf8(text), ...more };
}

async function difference(
  a: readonly SampleEvent[],
  b: readonly SampleEvent[],
  options: DiffOptions = {},
): Promise<SessionDifference> {
  const [first, second] = [
    directory.session(await session(a)),
    directory.session(await session(b)),
  ];
  try {
    return diffSessions(first, second, options);
  } finally {
    first.close();
    second.close();
  }
}

test("sessions with the same events are identical, whatever their salts and times", async () => {
  const events = samples(130);
  const later = events.map((event) => ({ ...event, time: event.time + 5 }));
  expect(await difference(events, later)).toMatchObject({
    relation: "identical",
    firstDivergence: null,
    same: 130,
    events: { a: 130, b: 130 },
    fields: [],
    types: [],
  });
  expect(await difference(events, later, { time: true })).toMatchObject({
    relation: "diverged",
    firstDivergence: 0,
    fields: [{ field: "time" }],
  });
});

test("a session that begins as another one and goes on says so", async () => {
  const events = samples(130);
  const longer = await difference(events.slice(0, 100), events);
  expect(longer).toMatchObject({ relation: "a-is-prefix", firstDivergence: 100, same: 100 });
  expect(longer.at).toMatchObject({ a: null, b: { seq: 100 } });
  expect(longer.types.reduce((sum, { b }) => sum + b, 0)).toBe(30);
  expect(await difference(events, events.slice(0, 100))).toMatchObject({
    relation: "b-is-prefix",
    at: { a: { seq: 100 }, b: null },
  });
});

test("the first differing event is named with the paths of its data", async () => {
  const a = [json("x", '{"n":1}'), json("y", '{"deep":{"list":[1,2,3]}}'), json("z", "0")];
  const b = [json("x", '{"n":1}'), json("y", '{"deep":{"list":[1,9,3]}}'), json("w", "0")];
  expect(await difference(a, b)).toMatchObject({
    relation: "diverged",
    firstDivergence: 1,
    same: 1,
    fields: [{ field: "data" }],
    paths: [{ path: "$.deep.list[1]", expected: "2", actual: "9" }],
    types: [
      { type: "z", a: 1, b: 0 },
      { type: "w", a: 0, b: 1 },
    ],
  });
});

test("every member of the header counts", async () => {
  const a = [json("x", "1"), json("x", "2"), json("x", "3", { ref: 0 })];
  const kind = [json("x", "1"), json("x", "2", { kind: "input" }), json("x", "3", { ref: 0 })];
  const ref = [json("x", "1"), json("x", "2"), json("x", "3", { ref: 1 })];
  expect((await difference(a, kind)).fields).toEqual([{ field: "kind", a: "emit", b: "input" }]);
  expect((await difference(a, ref)).fields).toEqual([{ field: "ref", a: "0", b: "1" }]);
});

test("the same value spelled in another way is the same", async () => {
  const text = noise(6000, randomFrom(3));
  const a = [json("x", '{"a": 1.50, "b": [ ]}'), json("y", JSON.stringify({ text }))];
  const b = [
    json("x", '{"a":1.5,"b":[]}'),
    { ...json("y", ""), form: "cbor" as const, bytes: encodeValue({ text }) },
  ];
  expect(await difference(a, b)).toMatchObject({ relation: "identical" });
});

test("numbers that no double tells apart and keys that stand twice are other data", async () => {
  const told = async (a: string, b: string) => {
    const [path] = (await difference([json("x", a)], [json("x", b)])).paths;
    return path && [path.path, path.expected, path.actual];
  };
  expect(await told('{"id":9007199254740993}', '{"id": 9007199254740992}')).toEqual([
    "$.id",
    "9007199254740993",
    "9007199254740992",
  ]);
  expect(await told('{"a":1,"a":2}', '{"a":2}')).toEqual(["$.a", "1", "2"]);
  expect(await told('{"a":2}', '{"a":1,"a":2}')).toEqual(["$.a", "2", "1"]);
  expect(await told('{"a":2,"b":3}', '{"a":2,"a":2,"b":3}')).toEqual(["$", '"b"', '"a"']);
  expect(await told('{"a":2,"a":2}', '{"a":2}')).toEqual(["$", '"a"', "(missing)"]);
  expect(await told("[0.1, [1e400]]", "[0.10, [2e400]]")).toEqual(["$[1][0]", "1e400", "2e400"]);
  const spelled = '{"list":[100, -0.50e1, 1.0E-2], "te\\u0078t": "\\/", "empty": {}}';
  expect(await told(spelled, '{"list":[1e2,-5,0.01],"text":"/","empty":{ }}')).toBe(undefined);
  const big = { ...json("x", ""), form: "cbor" as const, bytes: encodeValue({ id: 2 ** 53 }) };
  expect(await difference([json("x", '{"id":9007199254740993}')], [big])).toMatchObject({
    relation: "diverged",
    paths: [{ path: "$.id", expected: "9007199254740993", actual: "9007199254740992" }],
  });
  expect(await difference([json("x", '{"id":9007199254740992}')], [big])).toMatchObject({
    relation: "identical",
  });
});

test("payloads in the store are compared by what they hold", async () => {
  const text = noise(50_000, randomFrom(4));
  const changed = `${text.slice(0, 30_000)}!${text.slice(30_001)}`;
  const a = [json("x", JSON.stringify({ text })), json("x", "1")];
  const b = [json("x", JSON.stringify({ text: changed })), json("x", "1")];
  const found = await difference(a, b);
  expect(found).toMatchObject({ firstDivergence: 0, paths: [{ path: "$.text" }] });
  expect(found.fields[0]?.a).toBe(`${JSON.stringify({ text }).length} bytes of json`);
});

test("notes that Reach wrote do not make sessions different", async () => {
  const note = json("reach.import", "{}", { kind: "note" });
  const call = json("call", "1", { kind: "call" });
  const result = json("result", "2", { kind: "result", ref: 1 });
  const a = [json("x", "1"), call, result, note];
  const b = [json("x", "1"), note, call, { ...result, ref: 2 }, note];
  expect(await difference(a, b)).toMatchObject({
    relation: "identical",
    events: { a: 3, b: 3 },
  });
  expect(await difference(a, b, { notes: true })).toMatchObject({ firstDivergence: 1 });
});

test("data that cannot be decoded is a difference and no failure", async () => {
  const a = [json("x", '{"cut":')];
  const b = [json("x", '{"cut":1}')];
  expect(await difference(a, b)).toMatchObject({ relation: "diverged", firstDivergence: 0 });
  expect(await difference(a, a)).toMatchObject({ relation: "identical" });
});

test("thousands of types after the divergence take bounded room", async () => {
  const a = [json("x", "1")];
  const b = Array.from({ length: 2500 }, (_, i) => json(`type ${i}`, "1"));
  const { types } = await difference(a, b);
  expect(types.length).toBeLessThanOrEqual(1001);
  expect(types[0]).toEqual({ type: "(other types)", a: 0, b: 1501 });
});

test("empty sessions are identical to none but themselves", async () => {
  const events = samples(3);
  const onlyNotes = [json("n", "1", { kind: "note" })];
  expect(await difference(onlyNotes, onlyNotes)).toMatchObject({ relation: "identical", same: 0 });
  expect(await difference(onlyNotes, events)).toMatchObject({ relation: "a-is-prefix" });
});

test("a stranger's fork that does not say what it settled is no fork to compare with", async () => {
  const source = await session(samples(20));
  const a = directory.session(source);
  const [secret, root] = [a.manifest.secret, a.root(10)];
  const fork = { source, at: 10, root, secrets: [{ from: 0, secret }] };
  const kinds = [
    sampleEvent(10, randomFrom(1)),
    { ...json("fork", "1"), kind: "fork", form: "cbor", bytes: encodeValue({ settled: [null] }) },
  ] as const;
  for (const event of kinds) {
    const id = newSessionId(
      () => 1,
      (size) => new Uint8Array(size).fill(kinds.indexOf(event)),
    );
    const manifest = { ...a.manifest, id, secret: sha256(utf8(id)), fork };
    const writer = await directory.openBulk({ manifest });
    for (const { bytes } of a.events(0, 10)) writer.appendEncoded(bytes);
    const { form, bytes, ...header } = event;
    writer.append({ ...header, ref: null }, form, bytes);
    await directory.closeWriter(writer);
    const b = directory.session(id);
    expect(() => diffSessions(a, b)).toThrow(expect.objectContaining({ code: "CORRUPT" }));
    b.close();
  }
  a.close();
});
