// `reach.config.ts`: found, compiled where its packages are, checked before anything runs.

import { readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { findConfig, loadConfig } from "../../src/config/index.ts";
import { Scratch } from "../session/sample-session.ts";

let scratch: Scratch | undefined;
afterEach(() => scratch?.remove());

function written(text: string, name = "reach.config.ts"): string {
  scratch = new Scratch();
  const file = scratch.at(name);
  writeFileSync(file, text);
  return file;
}

/** A configuration with an effect under this policy. */
function policy(settings: string): string {
  return `export default { effects: { a: { run: () => 1, ${settings} } } };`;
}

describe("a configuration", () => {
  it("is TypeScript, imports its neighbours and this Reach, leaves nothing behind", async () => {
    const file = written(`
      import { defineConfig, httpFetch } from "reach-replay/config";
      import { loud } from "./loud.ts";
      export default defineConfig({
        data: "./data",
        programs: ["agent.ts"],
        effects: { loud, "http.fetch": httpFetch({ allow: ["example.com"] }) },
        server: { port: 0, runners: { processes: 1, threads: 2 } },
      });
    `);
    const folder = path.dirname(file);
    writeFileSync(path.join(folder, "loud.ts"), "export const loud = (s: string) => s + '!';");
    expect(findConfig(folder)).toBe(file);
    const config = await loadConfig(file);
    expect(config).toMatchObject({ data: "./data", programs: ["agent.ts"], file });
    expect(config.registry.names()).toEqual(["http.fetch", "loud"]);
    expect(readdirSync(folder).sort()).toEqual(["loud.ts", "reach.config.ts"]);
  });

  it.each([
    ["export default 5;", "it exports no configuration"],
    ["export const a = 1;", "it exports no configuration"],
    ["export default Promise.resolve({ effects: {} });", "it exports a promise"],
    ["export default { effects: new Map([['a', () => 1]]) };", "`effects` is no object"],
    ["export default { effect: {} };", "there is no setting `effect`"],
    ["export default { server: { prot: 1 } };", "there is no setting `server.prot`"],
    ["export default { server: { port: 70000 } };", "`server.port` is no port"],
    ["export default { server: { cors: ['x'] } };", "`server.cors` is no list of origins"],
    ["export default { server: { runners: { threads: 1 } } };", "`server.runners` makes no sense"],
    ["export default { server: { rates: 5 } };", "`server.rates` is no object"],
    ["export default { server: { rates: { all: 5 } } };", "no setting `server.rates.all`"],
    ["export default { server: { rates: { program: 0 } } };", "`server.rates.program` is no rate"],
    ["export default { effects: { a: 1 } };", 'the effect "a" has no handler'],
    [policy("timeoutMs: Infinity"), 'timeoutMs of the effect "a" is Infinity'],
    [policy("timeoutMs: 3e9"), 'timeoutMs of the effect "a" is 3000000000'],
    [policy("timeout: 5000"), 'the effect "a" has no setting `timeout`'],
    [policy("retries: {}"), 'retries.attempts of the effect "a" is undefined'],
    [policy("retries: 3"), 'retries.attempts of the effect "a" is undefined'],
    [policy("retries: { attempts: 3, maxMs: Infinity }"), 'retries.maxMs of the effect "a"'],
    [policy("retries: { attempts: 3, delay: 5 }"), "no setting `retries.delay`"],
    [policy("breaker: { restMs: 5 }"), 'breaker.failures of the effect "a" is undefined'],
    [policy("breaker: null"), 'breaker.failures of the effect "a" is undefined'],
    ["export default { programs: 'a.ts' };", "`programs` is no list of paths"],
    ["export default { data: '' };", "`data` is no path"],
    ["export default { effects: [1] };", "`effects` is no object"],
    ["throw new Error('while loading');", "while loading"],
    ["export default {;", "reach.config.ts:1:"],
    ["import './missing.ts'; export default {};", "missing.ts"],
  ])("is refused with the place and the setting: %s", async (text, message) => {
    const file = written(text);
    await expect(loadConfig(file)).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining(message) as string,
    });
    expect(readdirSync(path.dirname(file))).toEqual(["reach.config.ts"]);
  });

  it("that is not there is said to be missing", async () => {
    await expect(loadConfig("/nowhere/reach.config.ts")).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
  });
});
