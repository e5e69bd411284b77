// Realms are made ahead only in threads that ask for it: a replay uses the ones it has been in, and
// two more would cost it time and memory for nothing.

import { syncBuiltinESMExports } from "node:module";
import { setImmediate as turn } from "node:timers/promises";
import vm from "node:vm";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  expectSessions,
  keptRealms,
  ProgramContext,
  prepareRealms,
} from "../../src/sandbox/index.ts";
import { until } from "../engine/running.ts";
import { steps } from "./play.ts";

const { createContext } = vm;
let made = 0;

beforeAll(() => {
  vm.createContext = (...given: Parameters<typeof createContext>) => {
    made += 1;
    return createContext(...given);
  };
  syncBuiltinESMExports();
});

afterAll(() => {
  vm.createContext = createContext;
  syncBuiltinESMExports();
});

async function aWhile(): Promise<void> {
  for (let turns = 0; turns < 10; turns++) await turn();
}

it("a thread makes realms ahead when it has asked for that, and not before", async () => {
  const program = steps("");
  const first = ProgramContext.create(program);
  await aWhile();
  expect(made).toBe(1);
  prepareRealms();
  await aWhile();
  expect(made).toBe(3);
  const second = ProgramContext.create(program);
  await aWhile();
  expect(made).toBe(4);
  first.dispose();
  second.dispose();
});

it("makes as many as may be needed at once, one after the other, and no more", async () => {
  const kept = keptRealms();
  const before = made;
  expectSessions(kept + 3);
  expect(made).toBe(before);
  await until(() => keptRealms() === kept + 3);
  expectSessions(kept);
  expectSessions(kept + 3);
  await aWhile();
  expect(made).toBe(before + 3);
});
