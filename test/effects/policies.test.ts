// Handlers under policies: what is tried again, what is not, and what is noted.

import { describe, expect, it } from "vitest";
import { EffectRegistry, GiveUp, TryAgain } from "../../src/effects/index.ts";
import { call } from "./calling.ts";

const quick = { initialMs: 1, maxMs: 3 };

/** A handler that fails so many times, then returns the number of its try. */
function failing(times: number, error: () => Error = () => new Error("down")) {
  let tries = 0;
  return async (): Promise<number> => {
    tries += 1;
    if (tries <= times) throw error();
    return tries;
  };
}

describe("an effect", () => {
  it("gets its input, its key and its try, and returns plain data", async () => {
    const registry = new EffectRegistry({
      echo: (input, { key, attempt, name }) => ({ input, key, attempt, name }),
    });
    const { value } = await call(registry, "echo", { a: 1 });
    expect(value).toEqual({
      input: { a: 1 },
      key: "0199c1f2-0000-7000-8000-000000000000/7",
      attempt: 1,
      name: "echo",
    });
  });

  it("that nobody registered is an error that names those that are there", async () => {
    const registry = new EffectRegistry({ a: () => 1, b: () => 2 });
    const { error } = await call(registry, "c");
    expect(error).toMatchObject({ code: "EFFECT_UNKNOWN" });
    expect(error?.message).toContain("there are a, b");
  });

  it("that returns nothing returns null, and what cannot be encoded is an error", async () => {
    const registry = new EffectRegistry({ nothing: () => undefined, odd: () => new Map() });
    expect(await call(registry, "nothing")).toMatchObject({ value: null });
    expect((await call(registry, "odd")).error?.code).toBe("DATA_UNSUPPORTED");
  });

  it("throws into the program: name, message, code and data, and nothing else", async () => {
    const registry = new EffectRegistry({
      odd: () => {
        throw Object.assign(new TypeError("no"), { code: "E_NO", data: { n: 1 }, secret: 2 });
      },
      thrown: () => Promise.reject("text"),
    });
    const { error } = await call(registry, "odd");
    expect(error).toEqual({ name: "TypeError", message: "no", code: "E_NO", data: { n: 1 } });
    expect((await call(registry, "thrown")).error).toEqual({ name: "Error", message: "text" });
  });
});

describe("a handler", () => {
  it("that is a method has its object", async () => {
    class Chat {
      readonly #key = "secret";
      run(): string {
        return this.#key;
      }
    }
    const registry = new EffectRegistry({ chat: new Chat() });
    expect(await call(registry, "chat")).toMatchObject({ value: "secret" });
  });

  it("that changes its input is given what the program gave in the next try", async () => {
    const run = (input: unknown, { attempt }: { attempt: number }): unknown => {
      const { list } = input as { list: number[] };
      list.push(attempt);
      if (attempt < 3) throw new Error("down");
      return list;
    };
    const registry = new EffectRegistry({ a: { run, retries: { attempts: 3, ...quick } } });
    expect(await call(registry, "a", { list: [0] })).toMatchObject({ value: [0, 3] });
  });
});

describe("a breaker that lets one call through", () => {
  it("does not wait for a handler that goes on when its session has ended", async () => {
    let tries = 0;
    const run = (): unknown => {
      tries += 1;
      if (tries === 1) throw new Error("down");
      return tries === 2 ? new Promise(() => {}) : "up";
    };
    const registry = new EffectRegistry({ a: { run, breaker: { failures: 1, restMs: 0 } } });
    await call(registry, "a");
    const session = new AbortController();
    const kept = call(registry, "a", null, session.signal);
    const next = call(registry, "a");
    session.abort();
    expect((await kept).error?.name).toBe("AbortError");
    expect(await next).toMatchObject({ value: "up" });
  });
});

describe("an error of a handler", () => {
  it("is text, whatever it has for a name and a message", async () => {
    const thrown = [
      Object.assign(new Error("no"), { name: Symbol("odd") }),
      Object.assign(new Error("no"), { name: { toString: null } }),
      Object.assign(new Error(), { message: Object.assign(Object.create(null), { at: () => 1 }) }),
      Object.assign(new Error(), { message: { detail: "no" } }),
    ];
    for (const error of thrown) {
      const registry = new EffectRegistry({ odd: () => Promise.reject(error) });
      const called = await call(registry, "odd");
      expect(called.error).toEqual({ name: "Error", message: expect.any(String) as string });
    }
  });
});

describe("retries", () => {
  it("end with the first success, each noted", async () => {
    const run = failing(2);
    const registry = new EffectRegistry({ flaky: { run, retries: { attempts: 5, ...quick } } });
    const { value, notes } = await call(registry, "flaky");
    expect(value).toBe(3);
    expect(notes.map(({ type }) => type)).toEqual(["retry", "retry"]);
    expect(notes[0]?.data).toMatchObject({ attempt: 1, error: "down" });
  });

  it("are used up at the last error", async () => {
    const run = failing(9);
    const registry = new EffectRegistry({ down: { run, retries: { attempts: 3, ...quick } } });
    const { error, notes } = await call(registry, "down");
    expect(error?.message).toBe("down");
    expect(notes).toHaveLength(2);
  });

  it("keep the pause that was asked for, and more as they go on", async () => {
    for (const factor of [1, 1.5]) {
      const retries = { attempts: 7, initialMs: 20, maxMs: 60, factor };
      const registry = new EffectRegistry({ down: { run: failing(9), retries } });
      const { notes } = await call(registry, "down");
      for (const [i, { data }] of notes.entries()) {
        const pause = Math.min(60, 20 * factor ** i);
        const { delayMs } = data as { delayMs: number };
        expect(delayMs, `factor ${factor}, pause ${i}`).toBeGreaterThanOrEqual(pause / 2 - 1);
        expect(delayMs, `factor ${factor}, pause ${i}`).toBeLessThanOrEqual(pause + 1);
      }
    }
  });

  it("are not made for what no try can change", async () => {
    const run = failing(9, () => new GiveUp("never", { code: "NEVER" }));
    const registry = new EffectRegistry({ never: { run, retries: { attempts: 5, ...quick } } });
    const { error, notes } = await call(registry, "never");
    expect(error).toMatchObject({ name: "GiveUp", code: "NEVER" });
    expect(notes).toEqual([]);
  });

  it("end with the answer there is, when no better one came", async () => {
    const run = failing(9, () => new TryAgain("busy", { status: 503 }));
    const registry = new EffectRegistry({ busy: { run, retries: { attempts: 2, ...quick } } });
    expect(await call(registry, "busy")).toMatchObject({ value: { status: 503 } });
  });

  it("know what the handlers of another copy of this package throw", async () => {
    const other = await import(new URL("../../dist/config.js", import.meta.url).href);
    expect(other.GiveUp).not.toBe(GiveUp);
    const never = failing(9, () => new other.GiveUp("never"));
    const busy = failing(9, () => new other.TryAgain("busy", { status: 503 }));
    const retries = { attempts: 2, ...quick };
    const registry = new EffectRegistry({
      never: { run: never, retries },
      busy: { run: busy, retries },
    });
    expect((await call(registry, "never")).notes).toEqual([]);
    expect(await call(registry, "busy")).toMatchObject({ value: { status: 503 } });
  });

  it("end when nobody waits any more", async () => {
    const controller = new AbortController();
    const run = failing(99);
    const retries = { attempts: 50, initialMs: 60_000 };
    const registry = new EffectRegistry({ down: { run, retries } });
    const calling = call(registry, "down", null, controller.signal);
    setTimeout(() => controller.abort(new Error("gone")), 20);
    expect((await calling).error).toBeDefined();
  });
});

describe("a time limit", () => {
  it("ends a try that ignores its signal, and the next one may succeed", async () => {
    let tries = 0;
    const registry = new EffectRegistry({
      slow: {
        run: (_, { signal }) => {
          tries += 1;
          if (tries > 1) return "quick";
          return new Promise(() => signal.addEventListener("abort", () => {}));
        },
        timeoutMs: 30,
        retries: { attempts: 2, ...quick },
      },
    });
    const { value, notes } = await call(registry, "slow");
    expect(value).toBe("quick");
    expect(notes[0]?.data).toMatchObject({ error: 'effect "slow" took longer than 30 ms' });
  });
});

describe("a breaker", () => {
  it("opens after failures in a row, refuses at once, and closes again", async () => {
    let fails = true;
    let tries = 0;
    const registry = new EffectRegistry({
      service: {
        run: async () => {
          tries += 1;
          if (fails) throw new Error("down");
          return "up";
        },
        breaker: { failures: 2, restMs: 40 },
      },
    });
    await call(registry, "service");
    const opening = await call(registry, "service");
    expect(opening.notes).toEqual([
      { type: "breaker", data: { effect: "service", state: "open" } },
    ]);
    const refused = await call(registry, "service");
    expect(refused.error).toMatchObject({ code: "EFFECT_RESTS" });
    expect(tries).toBe(2);
    fails = false;
    await new Promise((resolve) => setTimeout(resolve, 60));
    const closing = await call(registry, "service");
    expect(closing.value).toBe("up");
    expect(closing.notes.at(-1)?.data).toEqual({ effect: "service", state: "closed" });
  });

  it("stays open when nobody waits for its trial any more", async () => {
    let tries = 0;
    const run = (): unknown => {
      tries += 1;
      if (tries === 1) throw new Error("down");
      return tries === 2 ? new Promise(() => {}) : "up";
    };
    const registry = new EffectRegistry({ a: { run, breaker: { failures: 1, restMs: 40 } } });
    await call(registry, "a");
    await new Promise((resolve) => setTimeout(resolve, 60));
    const session = new AbortController();
    const trial = call(registry, "a", null, session.signal);
    session.abort();
    await trial;
    expect((await call(registry, "a")).error).toMatchObject({ code: "EFFECT_RESTS" });
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(await call(registry, "a")).toMatchObject({ value: "up" });
  });

  it("does not count tries that nobody waited for any more", async () => {
    const registry = new EffectRegistry({
      service: {
        run: (_, { signal }) => {
          return new Promise((resolve, reject) => {
            signal.addEventListener("abort", () => reject(signal.reason));
            setTimeout(() => resolve("up"), 30);
          });
        },
        breaker: { failures: 2 },
      },
    });
    for (let i = 0; i < 3; i++) {
      const controller = new AbortController();
      const calling = call(registry, "service", null, controller.signal);
      controller.abort();
      await calling;
    }
    expect(await call(registry, "service")).toMatchObject({ value: "up" });
  });
});

describe("bounds", () => {
  it("of concurrency hold, and everybody has a turn", async () => {
    let now = 0;
    let most = 0;
    const registry = new EffectRegistry({
      one: {
        run: async () => {
          now += 1;
          most = Math.max(most, now);
          await new Promise((resolve) => setTimeout(resolve, 2));
          now -= 1;
        },
        concurrency: 3,
      },
    });
    await Promise.all(Array.from({ length: 20 }, () => call(registry, "one")));
    expect(most).toBe(3);
  });

  it("of a rate spread tries in time", async () => {
    const begun: number[] = [];
    const registry = new EffectRegistry({
      slow: { run: () => void begun.push(performance.now()), perSecond: 100 },
    });
    const asked = performance.now();
    await Promise.all(Array.from({ length: 6 }, () => call(registry, "slow")));
    expect((begun.at(-1) as number) - asked).toBeGreaterThan(45);
  });
});

const one = (): number => 1;

describe("a registry", () => {
  it.each([
    [{ a: {} }, 'the effect "a" has no handler'],
    [{ a: { run: one, timeoutMs: -1 } }, 'timeoutMs of the effect "a" is -1'],
    [{ a: { run: one, retries: { attempts: 0 } } }, "retries.attempts"],
    [{ a: { run: one, perSecond: 0 } }, "perSecond"],
    [{ a: { run: one, concurrency: "3" } }, "concurrency"],
  ])("refuses %j", (effects, message) => {
    expect(() => new EffectRegistry(effects as never)).toThrow(message);
  });
});
