/**
 * What a lens finds in a record, whatever the format: a few neutral facts. Lenses say them, the
 * ledger writes them into the state; in tests something else may listen.
 */
import type { EventHeader } from "../../event/index.ts";
import type { Usage } from "./tokens.ts";

/** An event as the program sees it. */
export interface TranscriptEvent extends EventHeader {
  /** Reading it may cost a fetch and a parse, so a lens looks at `type` first. */
  readonly data: unknown;
}

/** What was done to a file; `write` is also to delete it. */
export type FileUse = "read" | "write" | "edit";

/** How a call ended. */
export interface Outcome {
  readonly failed: boolean;
  /** What the result says where it failed; shortened by the listener. */
  readonly text?: string;
  /** How long the call took in ms, where the result says so. */
  readonly ms?: number | null;
}

/** The listener. Texts may be of any length and content. */
export interface Facts {
  /** The record belongs to this session (of the tool that wrote the log). */
  session(id: string): void;
  /** The log says what it is about. */
  title(text: string): void;
  /** A model is in use; where its replies have usage, `usage` says it instead. */
  model(name: string): void;
  /**
   * Something was said. `aside` is for what counts but is no part of the conversation (thinking,
   * what a tool adds for the model, terminal output): it is not kept as a message or as prompt.
   */
  message(role: string, text: string, aside?: boolean): void;
  /** A tool was called, with an input in any shape; files in it are found here. */
  call(id: string, tool: string, input?: unknown): void;
  /** The call `id` ended; `null` is the newest open one. */
  result(id: string | null, outcome: Outcome): void;
  /** A reply of `model` used this much; lines with the same id tell about the same reply. */
  usage(id: string | null, usage: Usage, model?: string): void;
  /** A running total stands here. */
  total(id: string, usage: Usage): void;
  file(path: string, use: FileUse): void;
  /** Something went wrong apart from a call. */
  error(text: string): void;
}

/** One format: recognises its records and says what they hold. Never throws on odd shapes. */
export interface Lens {
  readonly format: string;
  /** Whether a record has the shape of this format. */
  fits(type: string, data: unknown): boolean;
  /** Whether events of this type can hold a fact; if not, their data is not even decoded. */
  reads(type: string): boolean;
  read(event: TranscriptEvent, facts: Facts): void;
}
