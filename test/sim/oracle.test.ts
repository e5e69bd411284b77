// The judge of the simulation is judged itself: every broken promise it knows is put before it, and
// everything that a crash may honestly leave.

import { describe, expect, it } from "vitest";
import { utf8 } from "../../src/base/index.ts";
import type { Claim, SessionView } from "./engine.ts";
import { Oracle } from "./oracle.ts";
import { TreeMemory, treeRoot } from "./tree.ts";

const bytes = (...texts: string[]): Uint8Array[] => texts.map((one) => utf8(one));

function view(payloads: string[], rest: Partial<SessionView> = {}): SessionView {
  const events = bytes(...payloads.map((payload) => `event ${payload}`));
  return { id: "s", events, payloads: bytes(...payloads), root: treeRoot(events), ...rest };
}

function claim(payloads: string[]): Claim {
  return { size: payloads.length, root: view(payloads).root as Uint8Array };
}

/** Session `s`: `a b` acknowledged, then `c d` submitted, both appended whole. */
function oracleOf(appendsAreWhole = true): Oracle {
  const oracle = new Oracle(appendsAreWhole);
  oracle.created("s");
  const first = oracle.submitted("s", bytes("a", "b"), false);
  first.firstSeq = 0;
  oracle.acknowledged(first);
  oracle.submitted("s", bytes("c", "d"), false).firstSeq = 2;
  return oracle;
}

function verdict(oracle: Oracle, views: SessionView[], at = oracle.now): string {
  try {
    oracle.judge(views, at);
    return "fine";
  } catch (error) {
    return (error as Error).message;
  }
}

describe("the oracle accepts", () => {
  it("what was acknowledged, with or without what was submitted behind it", () => {
    expect(verdict(oracleOf(), [view(["a", "b"])])).toBe("fine");
    expect(verdict(oracleOf(), [view(["a", "b", "c", "d"])])).toBe("fine");
  });

  it("the loss of what was acknowledged only after the power had failed", () => {
    expect(verdict(oracleOf(), [], 0)).toBe("fine");
    expect(verdict(oracleOf(), [view([])], 0)).toBe("fine");
  });

  it("a part of what may be divided", () => {
    expect(verdict(oracleOf(false), [view(["a", "b", "c"])])).toBe("fine");
    const oracle = oracleOf();
    oracle.submitted("s", bytes("x", "y", "z"), true).firstSeq = 2;
    expect(verdict(oracle, [view(["a", "b", "x", "y"])])).toBe("fine");
  });

  it("what failed and stayed, and what came in its place", () => {
    const oracle = oracleOf();
    const instead = oracle.submitted("s", bytes("e"), false);
    instead.firstSeq = 2;
    expect(verdict(oracle, [view(["a", "b", "c", "d"])])).toBe("fine");
    expect(verdict(oracle, [view(["a", "b", "e"])])).toBe("fine");
    oracle.acknowledged(instead);
    expect(verdict(oracle, [view(["a", "b", "e"])])).toBe("fine");
    expect(verdict(oracle, [view(["a", "b", "c", "d"])])).toContain("is not what was acknowledged");
  });
});

describe("the oracle refuses", () => {
  it.each([
    ["a session that is gone", [], "is gone"],
    ["an acknowledged event that is missing at the end", [view(["a"])], "not what was acknow"],
    ["everything missing", [view([])], "0 events of 2 promised"],
    ["one missing in the middle", [view(["b"])], "s@0 is not what was acknowledged"],
    ["an event twice", [view(["a", "b", "b"])], "s@2 was never written there"],
    ["events in another order", [view(["a", "b", "d", "c"])], "s@2 was never written there"],
    ["events that nobody wrote", [view(["a", "b", "q"])], "s@2 was never written there"],
    ["half of an append", [view(["a", "b", "c"])], "holds 1 of the 2 events of one append"],
    ["a session twice", [view(["a", "b"]), view(["a", "b"])], "is there twice"],
    ["a session nobody created", [view(["a", "b"]), view([], { id: "t" })], "nobody created"],
    ["a report of damage", [view(["a", "b"], { problem: "torn" })], "is reported: torn"],
    ["a root of other events", [view(["a", "b"], { root: treeRoot([]) })], "root that is not"],
    ["a payload less", [view(["a", "b"], { payloads: bytes("a") })], "2 events, 1 read"],
  ])("%s", (_what, views, complaint) => {
    expect(verdict(oracleOf(), views)).toContain(complaint);
  });

  it("other bytes than were shown before", () => {
    const oracle = oracleOf();
    oracle.shown(view(["a", "b"]));
    const events = bytes("event a", "event B");
    const other = view(["a", "b"], { events, root: treeRoot(events) });
    expect(verdict(oracle, [other])).toContain("s@1 has other bytes than were shown before");
  });

  it("the loss of what was shown, although nobody was told that it is durable", () => {
    const oracle = oracleOf();
    oracle.shown(view(["a", "b", "c", "d"]));
    expect(verdict(oracle, [view(["a", "b"])])).toContain("2 events of 4 promised");
  });

  it("the loss of a published checkpoint, and what contradicts one", () => {
    const oracle = oracleOf();
    oracle.signed("s", claim(["a", "b"]));
    expect(verdict(oracle, [view(["a", "b"])])).toContain("lost its published checkpoint");
    const kept = { checkpoint: claim(["a", "b"]) };
    expect(verdict(oracle, [view(["a", "b"], kept)])).toBe("fine");
    const longer = { checkpoint: claim(["a", "b", "c"]) };
    expect(verdict(oracle, [view(["a", "b"], longer)])).toContain("shorter than a signed size");
    const other = { checkpoint: claim(["a", "c"]) };
    expect(verdict(oracle, [view(["a", "b"], other)])).toContain("contradicts its checkpoint");
  });

  it("a list without a session that has acknowledged events", () => {
    const oracle = oracleOf();
    oracle.created("empty");
    expect(() => oracle.listed(["s"])).not.toThrow();
    expect(() => oracle.listed(["empty"])).toThrow("is gone");
    oracle.removing("s");
    expect(() => oracle.listed(["empty"])).not.toThrow();
  });

  it("after a recovery anything but what that one has shown", () => {
    const oracle = oracleOf();
    const after = oracle.after([view(["a", "b"])], oracle.now);
    expect(verdict(after, [view(["a", "b"])])).toBe("fine");
    expect(verdict(after, [view(["a", "b", "c", "d"])])).toContain("s@2 was never written there");
    expect(verdict(after, [])).toContain("is gone");
  });
});

describe("the root of a tree", () => {
  it("is that of RFC 6962 (certificate-transparency test vectors)", () => {
    const leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"];
    const entries = [...leaves, "606162636465666768696a6b6c6d6e6f"].map((hex) =>
      Buffer.from(hex, "hex"),
    );
    const root = (size: number): string =>
      Buffer.from(treeRoot(entries.slice(0, size))).toString("hex");
    expect(root(0)).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect(root(1)).toBe("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    expect(root(3)).toBe("aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77");
    expect(root(8)).toBe("5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
  });

  it("is the same when remembered", () => {
    const memory = new TreeMemory();
    const entries = bytes("a", "b", "c", "d", "e");
    for (const size of [5, 2, 3]) {
      expect(memory.root(entries, size)).toEqual(treeRoot(entries.slice(0, size)));
    }
    const changed = bytes("a", "B", "c");
    expect(memory.root(changed, 3)).toEqual(treeRoot(changed));
  });
});
