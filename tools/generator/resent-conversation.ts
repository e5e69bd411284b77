// What makes logs grow with the square of their length: an agent that sends its whole conversation
// with every call of the model.

import type { GeneratedEvent } from "./agent-events.ts";
import { prose } from "./prose.ts";
import { Random } from "./random.ts";

/** What decides about a conversation that is sent again and again. */
export interface ConversationPlan {
  readonly seed: number;
  /** How many times the model is called; 100 if left out. */
  readonly calls?: number;
  /** Tokens of the whole conversation after the last answer, 4 characters each; 200,000. */
  readonly tokensAtEnd?: number;
}

/** One message of the conversation. */
export interface ConversationMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

const charsPerToken = 4;

/**
 * Call and result by turns: each call holds all messages so far, each result the next one. With
 * the defaults 200 events; their data together is fifty times the conversation.
 */
export function* resentConversation(plan: ConversationPlan): Generator<GeneratedEvent> {
  const { seed, calls = 100, tokensAtEnd = 200_000 } = plan;
  const random = new Random(seed, "resent-conversation");
  const share = Math.floor((charsPerToken * tokensAtEnd) / (2 * calls));
  const say = (role: ConversationMessage["role"]): ConversationMessage => {
    return { role, content: prose(random, random.between(Math.ceil(share / 2), (3 * share) >> 1)) };
  };
  const messages: ConversationMessage[] = [say("system")];
  let time = Date.UTC(2026, 1, 2, 10, 0, 0);
  for (let call = 0; call < calls; call++) {
    if (call > 0) messages.push(say("user"));
    time += random.between(200, 20_000);
    const input = { model: "atlas-large-2", temperature: 0.2, messages: [...messages] };
    yield { time, kind: "call", type: "llm.chat", ref: null, data: input };
    const answer = say("assistant");
    messages.push(answer);
    time += random.between(800, 30_000);
    const data = { message: answer, stopReason: "end_turn" };
    yield { time, kind: "result", type: "llm.chat", ref: 2 * call, data };
  }
}

/** The bytes of the conversation itself: of every message once, as UTF-8 of its text. */
export function conversationBytes(plan: ConversationPlan): number {
  let bytes = 0;
  let last: GeneratedEvent | undefined;
  for (const event of resentConversation(plan)) {
    if (event.kind === "call") last = event;
    else if (last !== undefined) bytes = bytesOf(last) + Buffer.byteLength(answerOf(event));
  }
  return bytes;
}

function bytesOf(call: GeneratedEvent): number {
  const messages = call.data["messages"] as readonly ConversationMessage[];
  return messages.reduce((sum, message) => sum + Buffer.byteLength(message.content), 0);
}

function answerOf(result: GeneratedEvent): string {
  return (result.data["message"] as ConversationMessage).content;
}
