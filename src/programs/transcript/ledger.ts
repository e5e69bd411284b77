/**
 * Writes the facts of one event into the state: shortens every text, counts, keeps the last few.
 * The only place that changes the state on behalf of a lens, so the bounds are kept here.
 */
import { bounds } from "./bounds.ts";
import { close, open } from "./calls.ts";
import { settle } from "./clock.ts";
import { freshen, lastIndex, plus, pushBounded, tally } from "./entries.ts";
import type { Facts, FileUse, Outcome, TranscriptEvent } from "./facts.ts";
import { filesIn } from "./files.ts";
import { roleOf, type TouchedFile, type TranscriptState } from "./state.ts";
import { clip, clipStart, utf8Bytes } from "./text.ts";
import { addTotal, addUsage, type Usage } from "./tokens.ts";

/** What a person types does not begin like this: tools put such things into their mouth. */
const notTyped = /^\s*(?:<|Caveat: The messages below|# AGENTS\.md instructions)/;

/** The ledger of one event. */
export class Ledger implements Facts {
  readonly #state: TranscriptState;
  readonly #event: TranscriptEvent;

  constructor(state: TranscriptState, event: TranscriptEvent) {
    this.#state = state;
    this.#event = event;
  }

  session(id: string): void {
    const { clock, sessions } = this.#state;
    const name = clip(id, bounds.idBytesMax);
    const index = lastIndex(sessions.recent, "id", name);
    const same = index >= 0 && index === sessions.recent.length - 1;
    settle(clock, same);
    if (same) return;
    if (index >= 0) {
      freshen(sessions.recent, index);
      return;
    }
    sessions.count = plus(sessions.count, 1);
    pushBounded(sessions.recent, { id: name }, bounds.sessionsKept);
  }

  title(text: string): void {
    const trimmed = text.trim();
    if (trimmed !== "") this.#state.title ??= clip(trimmed, bounds.titleBytesMax);
  }

  model(name: string): void {
    tally(this.#state.models, clip(name, bounds.nameBytesMax), bounds.modelsMax);
  }

  message(name: string, text: string, aside = false): void {
    const { seq } = this.#event;
    const { messages } = this.#state;
    const role = roleOf(messages.roles, clip(name, bounds.nameBytesMax));
    role.count = plus(role.count, 1);
    role.bytes = plus(role.bytes, utf8Bytes(text));
    if (aside || text === "") return;
    const kept = { seq, role: role.name, text: clip(text, bounds.messageBytesMax) };
    pushBounded(messages.last, kept, bounds.messagesKept);
    if (name !== "user" || this.#state.prompt || notTyped.test(text)) return;
    this.#state.prompt = { seq, text: clip(text.trim(), bounds.titleBytesMax) };
  }

  call(id: string, tool: string, input?: unknown): void {
    const { seq, time } = this.#event;
    const name = clip(tool, bounds.nameBytesMax);
    open(this.#state.calls, { id: clip(id, bounds.idBytesMax), tool: name, seq, time });
    filesIn(tool, input, this);
  }

  result(id: string | null, outcome: Outcome): void {
    const key = id === null ? null : clip(id, bounds.idBytesMax);
    const { failed, ms = null } = outcome;
    const call = close(this.#state.calls, key, this.#event.time, failed, ms);
    if (!failed) return;
    const text = outcome.text ?? "";
    this.error(call ? `${call.tool}: ${text}` : text);
  }

  usage(id: string | null, usage: Usage, model?: string): void {
    const key = id === null ? null : clip(id, bounds.idBytesMax);
    if (addUsage(this.#state.tokens, key, usage) && model !== undefined) this.model(model);
  }

  total(id: string, usage: Usage): void {
    addTotal(this.#state.tokens, clip(id, bounds.idBytesMax), usage);
  }

  file(path: string, use: FileUse): void {
    const { files } = this.#state;
    const name = clipStart(path, bounds.pathBytesMax);
    const index = fileIndex(files.entries, name);
    if (index >= 0) freshen(files.entries, index);
    else files.entries.push({ path: name, reads: 0, writes: 0, edits: 0, last: 0 });
    if (files.entries.length > bounds.filesMax) {
      files.entries.shift();
      files.dropped = plus(files.dropped, 1);
    }
    const file = files.entries[files.entries.length - 1];
    if (!file) return;
    if (use === "read") file.reads = plus(file.reads, 1);
    else if (use === "write") file.writes = plus(file.writes, 1);
    else file.edits = plus(file.edits, 1);
    file.last = this.#event.seq;
  }

  error(text: string): void {
    const { errors } = this.#state;
    errors.count = plus(errors.count, 1);
    const kept = { seq: this.#event.seq, text: clip(text.trim(), bounds.errorBytesMax) };
    pushBounded(errors.last, kept, bounds.errorsKept);
  }
}

function fileIndex(files: readonly TouchedFile[], path: string): number {
  let i = files.length - 1;
  while (i >= 0 && files[i]?.path !== path) i -= 1;
  return i;
}
