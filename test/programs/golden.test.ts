// The behaviour of `transcript` is pinned: the hash of its state after small sessions, and what is
// printed of it. Snapshots that people keep were made by version 1, so a change of these hashes is
// a new version of the program, never an update of this test.

import { describe, expect, it } from "vitest";
import { sha256, toHex, utf8 } from "../../src/base/index.ts";
import { builtInPrograms, renderTranscript } from "../../src/programs/index.ts";
import { Fold, type Program } from "../../src/replay/index.ts";
import { claudeCode, type Line, said, session, sessions } from "./sessions.ts";

const transcript: Program = builtInPrograms[0];

function fold(lines: readonly Line[]): Fold {
  const events = session(lines);
  const started = Fold.begin(transcript, events[0] as (typeof events)[0]);
  for (const event of events) started.apply(event);
  return started;
}

const hashes: Readonly<Record<string, string>> = {
  "claude-code": "8e35b4ea75a75eedae2f2cc82344500f9cb7f8ed4ea69b07336f0e8d8ab03f57",
  codex: "a570f1c65a459a7c06811101feeff8c1f2ba428ff8a0185377fc46f952d9a301",
  "codex, legacy": "bf1e25fbb1b491dcfbcb0c6f952bd291eefd0185adc2af7869ac2254df7fc573",
  "swe-agent": "caf6c665348afe181f98d88f661031d1dbde40babb7b340716dd43ee247d77ee",
  "swe-agent, mini": "e72162299a2ea13dfccc5e44fe001d5a6aca4a9b5b476833c6b1664ae4638681",
  "openhands, V0": "7738cc42550b893f29c57947a9c5d9b240f01b4488873a97ea4cc1fcc7eb15cf",
  "openhands, judge": "198128e4f2cd7127c0f9034c778ffa1878cb15ca1c4cc6f4dfd3c5c77996e96d",
  "openhands, V1": "32840f5372ca5ea573f24640803c26122e9470bf934a85858ee2f76314dd901d",
  temporal: "2a40470206d6f3b588e1aeb19749379dc717f8a238c774687e741a0ac1b3c44c",
  asciicast: "ef932d7871f0c124582a6e2580375fe51de04943fa88c2d7c5112837c261425d",
  records: "6adc658080f9302ea6205b8490c2667e413e4e995e0066ed51511c2b30eb73c2",
};

describe("version 1 of transcript", () => {
  it("is named by its name and version", () => {
    expect(transcript).toMatchObject({ name: "transcript", version: "1" });
    expect(transcript.hash).toEqual(sha256(utf8("reach/program/transcript/1")));
  });

  it.each(Object.entries(sessions))("comes to the same state as ever: %s", (name, lines) => {
    expect(toHex(fold(lines).boundary().hash)).toBe(hashes[name]);
  });
});

describe("what is printed", () => {
  const printed = (lines: readonly Line[]): string => {
    return renderTranscript(fold(lines).state);
  };

  it("of a session", () => {
    expect(printed(claudeCode)).toMatchInlineSnapshot(`
      "format    claude-code   1 session
      about     Fix the flaky test
      time      2026-01-05 12:17:31 to 2026-01-05 12:19:53 UTC   2 m 22 s
                idle 2 m 7 s in 1 pause   went back 1 time (at most 3.0 s)
      messages  user 3 (84 B)   context 1 (41 B)   thinking 1 (12 B)   assistant 1 (12 B)
      models    claude-opus-4-5 3
      tokens    input 30   output 137   cache read 90.0k   cache written 6.00k   3 replies
      calls     4   finished 3   failed 1   open 1   half below 2 m 11 s
      errors    2
      unparsed  1 record   last: event 16
      events    18   assistant/tool_use 4   user/text 3   user/tool_result 2   summary 1
                file-history-snapshot 1   assistant/thinking 1   assistant/text 1
                progress/hook_progress 1   4 more 4

      tool   calls  failed  average  longest
      Bash       1          2 m 8 s  2 m 8 s
      Edit       1       1  2 m 8 s  2 m 8 s
      Read       1            2.5 s    2.5 s
      Write      1

      read  written  edited  file
         1                1  /repo/src/clock.ts
                  1          /repo/NOTES.md

      slowest calls
        event 10      2 m 8 s  Edit
        event 11      2 m 8 s  Bash
        event 7         2.5 s  Read

      longest pauses
        event 13      2 m 7 s  before it

      last errors
        event 15  API error 529 Overloaded
        event 13  Edit: String to replace not found

      last messages
        event 13  user: and commit it
        event 6   assistant: Let me look.
        event 4   user: Why does the test fail now and then?"
    `);
  });

  it("of a run that knows its sums", () => {
    expect(printed(sessions["swe-agent"] ?? [])).toMatchInlineSnapshot(`
      "format    swe-agent
      about     Solve: TimeDelta rounds wrong
      messages  system 1 (7 B)   demonstration 1 (23 B)   user 1 (29 B)   assistant 1 (15 B)
                tool 1 (20 B)
      tokens    input 1.20k   output 90   3 replies   cost $1.25
      calls     3   finished 3   half below 256 ms
      events    10   step 3   history/user 2   environment 1   history/system 1
                history/assistant 1   history/tool 1   info 1

      tool                calls  failed  average  longest
      create                  1           250 ms   250 ms
      edit                    1
      str_replace_editor      1

      read  written  edited  file
         1                   /testbed/a.py
                          1  /testbed/src/fields.py
                  1          /testbed/reproduce.py

      slowest calls
        event 6       250 ms  create

      last messages
        event 4  assistant: I reproduce it.
        event 3  user: Solve: TimeDelta rounds wrong"
    `);
  });

  it("of next to nothing", () => {
    expect(printed([["log", {}, { time: 0 }]])).toMatchInlineSnapshot(`
      "format    none that is known
      events    1   log 1"
    `);
  });

  it("holds nothing from the log that a terminal would obey, and no line is long", () => {
    const hostile = "\u001b[2J\u009b31m\u202eabc\r\n\u2028\u0007\ufeff".repeat(40);
    const lines = claudeCode.map(([type, data, more]): Line => {
      if (typeof data !== "object") return [type, data, more ?? {}];
      const text = JSON.stringify(data).replaceAll(/"(t1|t2|t3|t4|Bash|Why[^"]*)"/g, (_, old) => {
        return JSON.stringify(`${old}${hostile}`);
      });
      return [type, JSON.parse(text), more ?? {}];
    });
    const text = printed([...lines, [hostile, said(hostile)]]);
    expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Zl}\p{Bidi_Control}\ufeff]/u);
    for (const line of text.split("\n")) expect([...line].length).toBeLessThanOrEqual(92);
    expect(text).toContain("Bash");
  });
});
