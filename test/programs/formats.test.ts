// What each lens finds, told by a listener in place of the ledger; and that no record, however
// odd, makes a lens throw.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Facts, TranscriptEvent } from "../../src/programs/transcript/facts.ts";
import { filesIn } from "../../src/programs/transcript/files.ts";
import { lenses, lensFor } from "../../src/programs/transcript/lens.ts";
import { emptyState } from "../../src/programs/transcript/state.ts";
import { usageIn } from "../../src/programs/transcript/usage.ts";
import * as hand from "./sessions.ts";
import { type Line, session } from "./sessions.ts";

/** Writes every fact as a line. */
class Listener implements Facts {
  readonly lines: string[] = [];
  #say(...parts: unknown[]): void {
    this.lines.push(parts.filter((part) => part !== undefined && part !== "").join(" "));
  }
  session = (id: string): void => this.#say("session", id);
  title = (text: string): void => this.#say("title", text);
  model = (name: string): void => this.#say("model", name);
  message(role: string, text: string, aside = false): void {
    this.#say(aside ? "aside" : "message", `${role}:`, text.slice(0, 40));
  }
  call(id: string, tool: string, input?: unknown): void {
    this.#say("call", id, tool);
    filesIn(tool, input, this);
  }
  result(id: string | null, { failed, text, ms }: Parameters<Facts["result"]>[1]): void {
    const took = typeof ms === "number" ? `${ms}ms` : "";
    this.#say("result", id ?? "newest", took, failed ? `failed: ${text?.slice(0, 30)}` : "");
  }
  usage(id: string | null, usage: Parameters<Facts["usage"]>[1], model?: string): void {
    this.#say("usage", id ?? "-", Object.values(usage).join("/"), model);
  }
  total(id: string, usage: Parameters<Facts["total"]>[1]): void {
    this.#say("total", id, Object.values(usage).join("/"));
  }
  file = (path: string, use: string): void => this.#say("file", use, path);
  error = (text: string): void => this.#say("error", text);
}

function factsOf(lines: readonly Line[]): string[] {
  const state = emptyState();
  const listener = new Listener();
  for (const event of session(lines)) {
    const lens = lensFor(state, event);
    if (lens.reads(event.type)) lens.read(event, listener);
  }
  return listener.lines;
}

describe("the lens for", () => {
  it("Codex counts a user's text once, reads exit codes in all forms, and patches", () => {
    expect(factsOf(hand.codex)).toEqual([
      "session 019a93b9",
      "model gpt-5.1-codex",
      "message user: <environment_context>…",
      "message user: Wire up the new endpoint",
      "aside thinking: **Looking**",
      "call c1 shell",
      "file edit src/a.ts",
      "file write b.md",
      'result c1 1500ms failed: no "metadata": here',
      "total codex 1000/37/0/0/",
      "total codex 1000/37/0/0/",
      "call c2 exec_command",
      "result c2 51ms failed: Wall time: 0.0513 seconds\nProc",
      "call c3 apply_patch",
      "file edit src/a.ts",
      "file write b.md",
      "result c3",
      "total codex 2600/100/900/0/",
      "message assistant: Done.",
    ]);
  });

  it("Codex reads logs without envelopes too", () => {
    expect(factsOf(hand.codexLegacy)).toEqual([
      "session old",
      "message user: Hello",
      "call c1 shell",
      "result c1",
    ]);
  });

  it("SWE-agent takes calls from the steps and the conversation from the history", () => {
    expect(factsOf(hand.sweAgent)).toEqual([
      "aside system: SETTING",
      "aside demonstration: Here is a demonstration",
      "message user: Solve: TimeDelta rounds wrong",
      "message assistant: I reproduce it.",
      "aside tool: [File: reproduce.py]",
      "call step 6 create",
      "file write /testbed/reproduce.py",
      "result step 6 250ms",
      "call step 7 edit",
      "file edit /testbed/src/fields.py",
      "result step 7",
      "call step 8 str_replace_editor",
      "file read /testbed/a.py",
      "result step 8",
      "usage - 1200/90/0/0/1.25/3",
    ]);
  });

  it("mini-swe-agent takes code blocks for calls and return codes for results", () => {
    expect(factsOf(hand.miniSweAgent)).toEqual([
      "aside system: You are",
      "message user: Please solve this issue",
      "message assistant: THOUGHT\n```bash\nls\n```",
      "call message 2 bash",
      "aside tool: <returncode>1</returncode> ls: no",
      "result newest failed: <returncode>1</returncode> ls:",
      "message assistant: Done",
    ]);
  });

  it("OpenHands V0 pairs observations with their cause, and leaves talk out of the calls", () => {
    expect(factsOf(hand.openHandsV0)).toEqual([
      "message user: Plot it",
      "aside thinking: Try.",
      "usage r1 400/20/600/0/ gpt-4o",
      "call 3 execute_bash",
      "result 3 failed: Traceback",
      "call 5 read",
      "file read /w/a.py",
      "result 5",
    ]);
  });

  it("the export of a judge reads usage and duration of each step", () => {
    expect(factsOf(hand.openHandsJudge)).toEqual([
      "message user: Predict drug response",
      "message assistant: First the folders.",
      "call step 0 Running Python code interactively",
      "file write src/train.py",
      "result step 0 1400ms",
      "usage - 4000/80/0/0/0.02 gpt-4o",
    ]);
  });

  it("OpenHands V1 reads running totals; a cost of 0 is one that nobody knew", () => {
    expect(factsOf(hand.openHandsV1)).toEqual([
      "message user: Make a plan",
      "model minimax-m2.7",
      "total default 596/75/0/0/",
      "aside thinking: Let me",
      "message assistant: I edit it.",
      "call call-1 file_editor",
      "file edit /w/plan.md",
      "result call-1 failed: No match",
      "model minimax-m2.7",
      "total default 1000/100/1000/0/0.5",
      "result call-9 failed: unknown tool",
    ]);
  });

  it("Temporal takes activities and child workflows for calls", () => {
    expect(factsOf(hand.temporal)).toEqual([
      "title OrderWorkflow",
      "session run-1",
      "call 5 Charge",
      "call 6 Ship",
      "result 5",
      "result 6 failed: out of stock",
      "call 9 Refund",
      "result 9",
      "message signal: cancel",
      "error WorkflowExecutionFailed: no refund",
    ]);
  });

  it("asciicast counts output and keys, keeps markers, and sees a bad exit", () => {
    expect(factsOf(hand.asciicast)).toEqual([
      "title bashing",
      "aside output: żółć",
      "aside keys: \r",
      "message marker: chapter one",
      "error exit status 2",
    ]);
  });

  it("anything else reads chat messages, and calls and results by the kind of their events", () => {
    expect(factsOf(hand.plainRecords)).toEqual([
      "session chat-1",
      "message user: What is the weather?",
      "call k1 weather",
      "usage - 100/9/0/0/ gpt-4o-mini",
      "aside tool: rain",
      "result k1",
      "call event 3 llm.chat",
      "result event 3 failed: rate limited",
      "error disk is full",
      "message assistant: Hi",
      "usage - 30/5/20/0/",
    ]);
  });
});

describe("files in the input of a tool", () => {
  it.each<[string, unknown, string[]]>([
    ["Read", { file_path: "/a" }, ["file read /a"]],
    ["NotebookEdit", { notebook_path: "/n" }, ["file edit /n"]],
    ["MultiEdit", { file_path: "/m" }, ["file edit /m"]],
    ["write_file", '{"path":"/w"}', ["file write /w"]],
    ["str_replace_based_edit_tool", { command: "view", path: "/v" }, ["file read /v"]],
    ["str_replace_editor", { command: "create", path: "/c" }, ["file write /c"]],
    ["apply_patch", "*** Begin Patch\r\n*** Delete File: d d\r\n", ["file write d d"]],
    ["Bash", { command: "cat /etc/hosts" }, []],
    ["Grep", { path: "/src" }, []],
    ["Read", { file_path: 7 }, []],
    ["Read", null, []],
    ["__proto__", { file_path: "/a" }, []],
    ["constructor", { file_path: "/a" }, []],
  ])("of %s %j: %j", (tool, input, lines) => {
    const listener = new Listener();
    filesIn(tool, input, listener);
    expect(listener.lines).toEqual(lines);
  });
});

describe("usage", () => {
  it.each<[string, object, string]>([
    ["Anthropic", { input_tokens: 5, cache_read_input_tokens: 9, output_tokens: 2 }, "5/2/9/0"],
    ["OpenAI chat", { prompt_tokens: 9, completion_tokens: 1, cache_read_tokens: 4 }, "5/1/4/0"],
    [
      "OpenAI responses",
      { input_tokens: 9, output_tokens: 1, input_tokens_details: { cached_tokens: 3 } },
      "6/1/3/0",
    ],
    ["Inspect", { input_tokens: 9, output_tokens: 1, input_tokens_cache_read: 8 }, "1/1/8/0"],
    ["Gemini", { input: 9, output: 1, cached: 4, thoughts: 2 }, "5/3/4/0"],
    ["pi", { input: 9, output: 1, cacheRead: 4, cacheWrite: 2 }, "9/1/4/2"],
    ["one that contradicts itself", { input_tokens: 1, cached_input_tokens: 5 }, "0/0/5/0"],
  ])("of %s is brought to one meaning: input without the cache", (_name, usage, expected) => {
    const { input, output, cacheRead, cacheWrite } = usageIn(usage) ?? {};
    expect([input, output, cacheRead, cacheWrite].join("/")).toBe(expected);
  });

  it("is none where nothing is known", () => {
    expect([usageIn(null), usageIn({}), usageIn([1]), usageIn("5")]).toEqual(
      Array(4).fill(undefined),
    );
  });
});

describe("no lens throws", () => {
  const types = fc.constantFrom(
    ...new Set(Object.values(hand.sessions).flatMap((lines) => lines.map(([type]) => type))),
  );
  const records = Object.values(hand.sessions).flatMap((lines) => {
    return lines.map(([, data]) => data).filter((data) => data !== hand.untouched);
  });
  const junk: fc.Arbitrary<unknown> = fc.oneof(
    fc.anything({ withBigInt: true, withNullPrototype: true, maxDepth: 4 }),
    fc.jsonValue(),
    fc.uint8Array(),
  );

  /** A record of a known shape in which some value was replaced by something else. */
  const damaged = fc.tuple(fc.constantFrom(...records), fc.nat(), junk).map(([data, n, value]) => {
    const text = JSON.stringify(data);
    const places = [...text.matchAll(/:(?=["{[\dtfn])/g)].map((match) => match.index + 1);
    const place = places[n % Math.max(1, places.length)];
    if (place === undefined) return value;
    let count = 0;
    return JSON.parse(text, (_key, member: unknown) => (count++ === n % 12 ? value : member));
  });

  it("codex, whose type is an object that is no text (found by the property below)", () => {
    const codex = lenses.find(({ format }) => format === "codex");
    const data = { type: Object.create(null) as unknown };
    expect(codex?.fits("response_item/function_call_output", data)).toBe(false);
  });

  it.each(lenses.map((lens) => [lens.format, lens] as const))("%s", (_format, lens) => {
    fc.assert(
      fc.property(types, fc.oneof(junk, damaged), (type, data) => {
        const [event] = session([[type, data]]) as [TranscriptEvent];
        expect(typeof lens.fits(type, data)).toBe("boolean");
        lens.read(event, new Listener());
      }),
      { numRuns: 400 },
    );
  });
});
