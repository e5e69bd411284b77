/**
 * Strings that have broken software before, put into every place where the server takes text. The
 * large list is one of the outside suites; without it there are those of our own.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { expect } from "vitest";
import { writeSample } from "../session/sample-session.ts";
import type { Served } from "./serving.ts";

const own: readonly string[] = [
  "",
  "\0",
  "\u202e",
  "'; DROP TABLE x;--",
  "<script>alert(1)</script>",
  "../",
  "%s%n",
  "\ud800",
  "NaN",
  "1e999",
  "-0",
  "__proto__",
  "constructor",
  "💥",
];

/** How many of them are our own: the first. */
export const ownStrings: number = own.length;

/** All of them. */
export function naughtyStrings(): string[] {
  const suite = path.resolve(import.meta.dirname, "../../../shared/suites/naughty-strings");
  const files = fs.existsSync(suite) ? fs.readdirSync(suite) : [];
  const file = files.find((name) => /^blns.*\.json$/.test(name));
  if (file === undefined) return [...own];
  const more = JSON.parse(fs.readFileSync(path.join(suite, file), "utf8")) as string[];
  return [...own, ...more];
}

/** Asks with each of them in every parameter; nothing fails, and nothing of the disk is told. */
export async function askEverywhere(served: Served, texts: readonly string[]): Promise<void> {
  const id = await writeSample(served.directory, 3);
  const ask = async (url: string): Promise<void> => {
    const answer = await served.get(url);
    expect(answer.status, url).toBeLessThan(500);
    expect(await answer.text()).not.toContain(served.scratch.folder);
  };
  for (const text of texts) {
    const quoted = encodeURIComponent(text.toWellFormed());
    await ask(`/v1/sessions/${quoted}`);
    await ask(`/v1/sessions/${id}/events?type=${quoted}&limit=2`);
    await ask(`/v1/sessions/${id}/events?after=${quoted}`);
    await ask(`/v1/sessions/${id}/events?kind=${quoted}`);
    await ask(`/v1/sessions/${id}/proof/inclusion?seq=${quoted}`);
    await ask(`/v1/sessions?program=${quoted}&cursor=${quoted}`);
    await ask(`/v1/blobs/${quoted}`);
    await ask(`/v1/jobs/${quoted}`);
  }
}

/** Appends each of them; what is taken comes out as it went in. */
export async function keepAndRead(served: Served, texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    const event = { type: text, data: { [text]: text } };
    const answer = await served.post("/v1/sessions", { name: text, events: [event] });
    expect([201, 422], JSON.stringify(text)).toContain(answer.status);
    if (answer.status !== 201) continue;
    const { id } = (await answer.json()) as { id: string };
    const read = await served.get(`/v1/sessions/${id}/events/0`);
    expect(await read.json()).toMatchObject(event);
  }
}
