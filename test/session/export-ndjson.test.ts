/** What the NDJSON export promises: a line per event, and nothing lost that JSON can say. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { codeOf, encodeValue, type SessionId, utf8 } from "../../src/base/index.ts";
import { Directory, exportNdjson, type NdjsonOptions } from "../../src/session/index.ts";
import { noise, randomFrom, type SampleEvent, Scratch, writeSample } from "./sample-session.ts";

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

async function session(...payloads: Pick<SampleEvent, "form" | "bytes">[]): Promise<SessionId> {
  const writer = await directory.openBulk();
  for (const { form, bytes } of payloads) {
    writer.append({ kind: "emit", type: "x", time: 7, ref: null }, form, bytes);
  }
  await directory.closeWriter(writer);
  return writer.id;
}

async function exported(id: SessionId, options: NdjsonOptions = {}): Promise<string[]> {
  const reader = directory.session(id);
  try {
    const parts: Uint8Array[] = [];
    const summary = await exportNdjson(reader, (bytes) => void parts.push(bytes), options);
    const text = Buffer.concat(parts).toString("utf8");
    expect(summary.bytes).toBe(Buffer.byteLength(text));
    const lines = text.split("\n");
    expect(lines.pop()).toBe("");
    expect(lines).toHaveLength(summary.events);
    return lines;
  } finally {
    reader.close();
  }
}

async function dataTexts(...payloads: Pick<SampleEvent, "form" | "bytes">[]): Promise<string[]> {
  const lines = await exported(await session(...payloads));
  return lines.map((line) => line.slice(line.indexOf('"data":') + 7, -1));
}

test("every event is one line with its header, in order", async () => {
  const id = await writeSample(directory, 120);
  const reader = directory.session(id);
  const events = [...reader.events()];
  const lines = await exported(id);
  reader.close();
  expect(lines).toHaveLength(120);
  for (const [i, line] of lines.entries()) {
    const { seq, time, kind, type, ref } = events[i] as (typeof events)[number];
    expect(JSON.parse(line)).toMatchObject({ seq, time, kind, type, ref });
  }
  const some = await exported(id, { from: 49, to: 52 });
  expect(some).toEqual(lines.slice(49, 52));
});

test("an imported record keeps its spelling, also from the store", async () => {
  const text = noise(5000, randomFrom(1));
  const long = `{"cost": 52.0,"big":123456789012345678901234567890,"t":"${text}"}`;
  const odd = '{"a" :1.50, "a": 2, "e":"\\u00e9\\ud83d"}';
  const texts = await dataTexts(
    { form: "json", bytes: utf8(odd) },
    { form: "json", bytes: utf8(long) },
    { form: "json", bytes: utf8('{\r\n  "a": [1,\n2]\n}') },
  );
  expect(texts).toEqual([odd, long, '{    "a": [1, 2] }']);
});

test("what JSON does not have is spelled so that it can be told apart", async () => {
  const values: [unknown, string][] = [
    [new Uint8Array([0, 1, 255]), '{"$bytes":"AAH/"}'],
    [2n ** 64n, '{"$bigint":"18446744073709551616"}'],
    [-0, '{"$number":"-0"}'],
    [[Number.NaN, Number.POSITIVE_INFINITY], '[{"$number":"NaN"},{"$number":"Infinity"}]'],
    [{ a: undefined }, '{"a":{"$undefined":true}}'],
    [{ $bytes: "AAH/" }, '{"$object":[["$bytes","AAH/"]]}'],
    [{ $bytes: 1, other: 2 }, '{"$bytes":1,"other":2}'],
    ["half \ud83d of it", '"half \\ud83d of it"'],
    [{ "\udc00": 1 }, '{"\\udc00":1}'],
    [JSON.parse('{"__proto__":{"x":1}}'), '{"__proto__":{"x":1}}'],
    ["line\u2028separator\nnewline", JSON.stringify("line\u2028separator\nnewline")],
    [1e21, "1e+21"],
  ];
  const payloads = values.map(([value]) => ({ form: "cbor" as const, bytes: encodeValue(value) }));
  expect(await dataTexts(...payloads)).toEqual(values.map(([, text]) => text));
  expect(await dataTexts({ form: "bytes", bytes: new Uint8Array([7]) })).toEqual([
    '{"$bytes":"Bw=="}',
  ]);
});

test("data that is no JSON stops the export at its event", async () => {
  const id = await session(
    { form: "json", bytes: utf8("1") },
    { form: "json", bytes: utf8('{"cut":') },
  );
  const error = await exported(id).catch((thrown) => thrown);
  expect(codeOf(error)).toBe("CORRUPT");
  expect(error.message).toContain("event 1");
});
