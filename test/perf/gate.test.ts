// The gate can fail: a server that is made slow on purpose turns it red, and so do events that are
// lost on the way; without either it is green. A small burst, against a real `reach serve`.

import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import { brokenLines, judge, readBudgets } from "../../tools/perf/budgets.ts";
import { runScenario } from "../../tools/perf/run.ts";
import { smallBurst } from "../../tools/perf/scenarios/burst.ts";
import { type Fault, FaultProxy } from "./fault-proxy.ts";

const budgets = readBudgets("perf/budgets.json");

/** Lines of the gate after a burst of ten, through a proxy with a fault. */
async function gate(fault: Fault): Promise<string[]> {
  const proxies: FaultProxy[] = [];
  try {
    const result = await runScenario(smallBurst, {
      profile: "fast",
      rounds: 1,
      seed: 1,
      work: tmpdir(),
      note: () => {},
      through: async (url) => {
        const proxy = await FaultProxy.start(url, fault);
        proxies.push(proxy);
        return proxy.url;
      },
    });
    return brokenLines(judge({ ...result, name: "burst" }, budgets));
  } finally {
    for (const proxy of proxies) await proxy.stop();
  }
}

describe("the perf gate", { timeout: 120_000 }, () => {
  it("is green for a server that does what it should", async () => {
    expect(await gate({})).toEqual([]);
  });

  it("is red for a server that is slow, level by level", async () => {
    const lines = await gate({ delayMs: 1300 });
    expect(lines.join("\n")).toMatch(/BROKEN burst trigger_to_first_event: 1\d\d\d/);
    expect(lines.join("\n")).toMatch(/BROKEN burst approval_to_resume: 1\d\d\d/);
  });

  it("is red when events are lost", async () => {
    const lines = await gate({ dropsOneIn: 200 });
    expect(lines.join("\n")).toMatch(/BROKEN burst events_dropped_total: [1-9]/);
  });
});
