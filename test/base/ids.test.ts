// Session ids: they sort by time, and nothing else passes for one, least of all a path.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  codeOf,
  isSessionId,
  newSessionId,
  sessionIdBytes,
  sessionIdOf,
  systemClock,
  systemEntropy,
} from "../../src/base/index.ts";
import { suitePath, withSuite } from "../merkle/outside-suites.ts";

describe("a session id", () => {
  it("is made of the time and of randomness, and of nothing else", () => {
    const id = newSessionId(
      () => Date.UTC(2025, 0, 2, 3, 4, 5, 6),
      (size) => new Uint8Array(size).fill(0xff),
    );
    expect(id).toBe("019424f8-608e-77ff-bfff-ffffffffffff");
    expect(isSessionId(newSessionId(systemClock, systemEntropy))).toBe(true);
  });

  it("sorts by the millisecond it was made in", () => {
    const times = [0, 1, 255, 256, 1e12, 1.7e12, 1.7e12 + 1, 2 ** 47];
    const ids = times.map((time) => newSessionId(() => time, systemEntropy));
    expect([...ids].sort()).toEqual(ids);
  });

  it("becomes bytes and back", () => {
    for (let i = 0; i < 100; i++) {
      const id = newSessionId(systemClock, systemEntropy);
      expect(sessionIdBytes(id)).toHaveLength(16);
      expect(sessionIdOf(sessionIdBytes(id))).toBe(id);
    }
  });

  it("is made of bytes only where these are a UUID, whatever their version and variant", () => {
    const bytes = systemEntropy(16);
    for (const at of [6, 8]) {
      for (let value = 0; value < 256; value++) {
        const changed = Uint8Array.from(sessionIdBytes(newSessionId(systemClock, () => bytes)));
        changed[at] = value;
        const isUuid = at === 6 ? value >>> 4 >= 1 && value >>> 4 <= 8 : value >>> 6 === 2;
        if (isUuid) expect(sessionIdBytes(sessionIdOf(changed))).toEqual(changed);
        else expect(() => sessionIdOf(changed)).toThrow(/session id/);
      }
    }
    const short = sessionIdBytes(newSessionId(systemClock, systemEntropy)).subarray(0, 15);
    expect(() => sessionIdOf(short)).toThrow(expect.objectContaining({ code: "CORRUPT" }));
    expect(sessionIdOf(new Uint8Array(16))).toBe("00000000-0000-0000-0000-000000000000");
  });

  it.each([
    "",
    "..",
    "../../etc/passwd",
    "019424f4-9d06-7fff-bfff-fffffffffff",
    "019424f4-9d06-7fff-bfff-ffffffffffff ",
    "019424f4-9d06-7fff-bfff-ffffffffffff\n",
    "019424F4-9D06-7FFF-BFFF-FFFFFFFFFFFF",
    "019424f49d067fffbfffffffffffffff",
    "{019424f4-9d06-7fff-bfff-ffffffffffff}",
    "019424f4-9d06-7fff-bfff-fffffffffff/",
  ])("%j is none, and becomes no bytes", (text) => {
    expect(isSessionId(text)).toBe(false);
    expect(() => sessionIdBytes(text)).toThrow(expect.objectContaining({ code: "USAGE" }));
  });

  withSuite("naughty-strings/blns.json", () => {
    it("is none of the naughty strings", () => {
      const text = readFileSync(suitePath("naughty-strings/blns.json"), "utf8");
      expect((JSON.parse(text) as string[]).filter(isSessionId)).toEqual([]);
    });
  });

  it("is not read out of bytes that hold none", () => {
    for (const bytes of [new Uint8Array(0), new Uint8Array(15), new Uint8Array(16).fill(0x11)]) {
      try {
        sessionIdOf(bytes);
        expect.fail("it was read");
      } catch (error) {
        expect(codeOf(error)).toBe("CORRUPT");
      }
    }
  });
});
