// The generated session of an agent: messages that arrive token by token, tools that are called
// and answer, a state that is patched. Sizes are those of real transcripts: median about 350 bytes,
// one in twenty above 2 KB, one in a hundred above 4 KiB, the largest about 33 KB.

import { jsonText, type Spelling } from "./json-text.ts";
import { emojiToCut } from "./odd-text.ts";
import { code, command, commandOutput, filePath, prose } from "./prose.ts";
import { quantiles, Random } from "./random.ts";

/** What decides about a generated session. */
export interface SessionPlan {
  /** How many events. */
  readonly events: number;
  /** The same seed gives the same session, to the byte; a safe integer. */
  readonly seed: number;
}

/** An event to append: `data` is plain data, with bigints and lone surrogates in it. */
export interface GeneratedEvent {
  /** Milliseconds since the Unix epoch; goes back now and then. */
  readonly time: number;
  readonly kind: "input" | "call" | "result" | "emit";
  /** One of `token_delta`, `message`, `tool_call`, `tool_result`, `state_patch`. */
  readonly type: string;
  /** Position of the call that a result answers, counted from 0 in this session. */
  readonly ref: number | null;
  readonly data: Readonly<Record<string, unknown>>;
}

interface OpenCall {
  readonly callId: string;
  readonly name: string;
  readonly position: number;
  readonly input: Readonly<Record<string, unknown>>;
}

const start = Date.UTC(2026, 0, 5, 9, 12, 33, 123);
const messageChars = quantiles("0:40 10:120 50:560 90:1750 98.5:3600 100:12000");
const outputChars = quantiles("0:20 10:130 50:560 90:2200 95.5:3600 99.4:14000 100:32600");
const editChars = quantiles("0:30 50:200 90:950 99:3000 100:6000");
const patchChars = quantiles("0:60 50:170 90:600 99:2500 100:5000");
const durations = quantiles("0:3 50:180 90:4000 99:60000 100:600000");
const pauses = quantiles("0:4000 60:40000 95:1800000 99:7200000 100:50000000");
const files = 120;

/** The events of one generated session, one after the other: nothing of the past is kept. */
export function* agentEvents(plan: SessionPlan): Generator<GeneratedEvent> {
  const session = new AgentSession(plan.seed);
  let left = plan.events;
  while (left > 0) {
    for (const event of session.step()) {
      yield event;
      left -= 1;
      if (left === 0) return;
    }
  }
}

/** The JSON text of an event as a recorder would have written it, on one line. */
export function eventText(event: GeneratedEvent, position: number): string {
  const record = {
    id: `evt_${String(position).padStart(8, "0")}`,
    timestamp: new Date(event.time).toISOString(),
    type: event.type,
    ...event.data,
  };
  const spelling: Spelling = position % 13 === 7 ? "spaced-ascii" : "compact";
  return jsonText(record, spelling);
}

/** Where a generated session stands; what it remembers does not grow. */
class AgentSession {
  readonly #random: Random;
  readonly #seed: number;
  readonly #model: string;
  /** How often each file was edited: reading an unchanged one gives the same text again. */
  readonly #versions: number[] = new Array(files).fill(0);
  #clock = start;
  #position = 0;
  #revision = 9_007_199_254_740_980n;
  #messageId = "";
  #tokensInContext = 2000;

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = new Random(seed, "agent-events");
    this.#model = this.#random.pick(["atlas-large-2", "atlas-small-1", "kestrel-4"]);
  }

  /** One turn of the agent: it says something, calls tools, hears from them, changes its state. */
  *step(): Generator<GeneratedEvent> {
    const random = this.#random;
    this.#messageId = `msg_01${random.token(22)}`;
    if (random.chance(0.12)) {
      this.#wait(random.of(pauses));
      yield this.#message("user");
      yield* this.#deltas();
    } else {
      this.#wait(random.between(300, 2500));
      yield* this.#deltas();
      yield this.#message("assistant");
    }
    const calls: OpenCall[] = [];
    for (let left = random.chance(1 / 15) ? 2 : 1; left > 0; left--) {
      const call = this.#openCall();
      calls.push(call);
      yield this.#toolCall(call);
    }
    if (random.chance(0.5)) calls.reverse();
    const patchesFirst = random.chance(0.1);
    if (patchesFirst) yield this.#patch();
    for (const call of calls) yield this.#toolResult(call);
    if (!patchesFirst) yield this.#patch();
  }

  #wait(milliseconds: number): void {
    this.#clock += milliseconds;
  }

  #event(
    kind: GeneratedEvent["kind"],
    type: string,
    data: Readonly<Record<string, unknown>>,
    ref: number | null = null,
  ): GeneratedEvent {
    this.#position += 1;
    // Clocks of several machines: a few events are stamped before the ones in front of them.
    const back = this.#random.chance(0.004) ? this.#random.between(1, 1500) : 0;
    return { time: this.#clock - back, kind, type, ref, data };
  }

  /** On average 38 for 15 messages; now and then an emoji is cut between two of them. */
  *#deltas(): Generator<GeneratedEvent> {
    const random = this.#random;
    const count = random.below(6) + (random.chance(1 / 30) ? 1 : 0);
    let held = "";
    for (let index = 0; index < count; index++) {
      this.#wait(random.between(8, 70));
      let delta = held + prose(random, random.between(2, 60));
      held = "";
      if (index + 1 < count && random.chance(0.006)) {
        const emoji = random.pick(emojiToCut);
        delta += emoji.charAt(0);
        held = emoji.charAt(1);
      }
      const data = { messageId: this.#messageId, index, delta, model: this.#model };
      yield this.#event("emit", "token_delta", data);
    }
  }

  #message(role: "user" | "assistant"): GeneratedEvent {
    const random = this.#random;
    this.#wait(random.between(2, 50));
    const text = prose(random, random.of(messageChars));
    const data: Record<string, unknown> = {
      messageId: this.#messageId,
      role,
      content: [{ type: "text", text }],
    };
    if (role === "user") return this.#event("input", "message", data);
    const outputTokens = Math.ceil(text.length / 4);
    const inputTokens = this.#tokensInContext;
    this.#tokensInContext = (inputTokens + outputTokens + 300) % 200_000;
    data["usage"] = { inputTokens, outputTokens, cacheReadTokens: inputTokens - 300 };
    data["contextPercent"] = Math.floor(inputTokens / 1000) / 2;
    data["costUsd"] = (inputTokens * 3 + outputTokens * 15) / 1_000_000;
    return this.#event("emit", "message", data);
  }

  #openCall(): OpenCall {
    const random = this.#random;
    const name = random.pick(["run_command", "run_command", "read_file", "edit_file", "search"]);
    const callId = `call_${random.token(20)}`;
    return { callId, name, position: this.#position, input: this.#inputOf(name) };
  }

  #inputOf(name: string): Readonly<Record<string, unknown>> {
    const random = this.#random;
    const path = filePath(random.below(files));
    switch (name) {
      case "read_file":
        return { path, offset: random.below(400), limit: random.pick([100, 200, 2000, null]) };
      case "edit_file": {
        const oldText = code(random, random.of(editChars));
        return { path, oldText, newText: code(random, random.of(editChars)), replaceAll: false };
      }
      case "search":
        return { pattern: prose(random, random.between(4, 30)), path, ignoreCase: true, limit: 50 };
      default:
        return {
          command: command(random),
          timeoutMs: random.pick([30_000, 120_000, 600_000]),
          env: { CI: "1", TERM: "xterm-256color" },
        };
    }
  }

  #toolCall(call: OpenCall): GeneratedEvent {
    this.#wait(this.#random.between(1, 20));
    const { callId, name, input } = call;
    const reason = prose(this.#random, this.#random.between(50, 180));
    return this.#event("call", "tool_call", { callId, name, input, reason });
  }

  #toolResult(call: OpenCall): GeneratedEvent {
    const random = this.#random;
    const durationMs = random.of(durations) + random.below(1000) / 1000;
    this.#wait(Math.ceil(durationMs));
    const ok = !random.chance(0.06);
    const output = ok ? this.#outputOf(call) : `Error: ${prose(random, random.between(30, 200))}`;
    const exitCode = call.name === "run_command" ? (ok ? 0 : random.between(1, 2)) : null;
    const data = { callId: call.callId, ok, output, exitCode, durationMs };
    return this.#event("result", "tool_result", data, call.position);
  }

  #outputOf(call: OpenCall): string {
    const random = this.#random;
    const size = random.of(outputChars);
    const number = random.below(files);
    switch (call.name) {
      case "read_file": {
        const version = this.#versions[number] as number;
        const file = new Random(this.#seed, `file ${number} version ${version}`);
        return code(file, file.of(outputChars));
      }
      case "edit_file":
        this.#versions[number] = ((this.#versions[number] as number) + 1) % 1000;
        return `The file ${filePath(number)} has been updated.\n${code(random, size / 2)}`;
      default:
        return commandOutput(random, size);
    }
  }

  #patch(): GeneratedEvent {
    const random = this.#random;
    this.#wait(random.between(1, 5));
    this.#revision += BigInt(random.between(1, 3));
    const ops: Record<string, unknown>[] = [
      { op: "replace", path: "/step", value: this.#position },
      { op: "replace", path: "/progressPercent", value: random.below(101) },
    ];
    const path = `/files/${random.below(files)}`;
    const summary = prose(random, random.of(patchChars));
    if (random.chance(0.2)) ops.push({ op: "remove", path });
    else ops.push({ op: "add", path, value: { summary, lines: random.below(2000), done: false } });
    const contextPercent = Math.floor(this.#tokensInContext / 2000);
    return this.#event("emit", "state_patch", { revision: this.#revision, ops, contextPercent });
  }
}
