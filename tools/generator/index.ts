// Transcripts out of nothing, for the demonstration, the benchmarks and the tests: any length, the
// same bytes for the same seed on every machine.

export {
  agentEvents,
  eventText,
  type GeneratedEvent,
  type SessionPlan,
} from "./agent-events.ts";
export { claudeCodeLines } from "./claude-code.ts";
export {
  type ConversationMessage,
  type ConversationPlan,
  conversationBytes,
  resentConversation,
} from "./resent-conversation.ts";
export { type TranscriptFormat, transcriptChunks, transcriptFormats } from "./transcript.ts";
