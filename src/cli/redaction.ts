/**
 * `--redact`: which events an export withholds, by seq, by a range of seqs, or by type. Whatever
 * names no event is refused: somebody may have mistyped what was to stay behind.
 */
import { ReachError } from "../base/index.ts";
import { type EventView, typeFilter } from "../event/index.ts";
import type { SessionReader } from "../session/index.ts";
import { counted, grouped } from "./quantity.ts";
import { oneLine } from "./terminal-text.ts";

const seqsShape = /^(\d+)(?:-(\d+))?$/;

/** Whether an event is one of those that are named. */
type Named = (event: Pick<EventView, "seq" | "type">) => boolean;

/** The events that `texts` name, each a list such as `37,40-52,user/*`. */
export function redaction(session: SessionReader, texts: readonly string[]): Named {
  const words = texts.flatMap((text) => text.split(",")).map((word) => word.trim());
  const named = words.map((word) => ofSeqs(session, word) ?? ofType(session, word));
  return (event) => named.some((holds) => holds(event));
}

function ofSeqs({ size }: SessionReader, word: string): Named | undefined {
  const [, first, last = first] = seqsShape.exec(word) ?? [];
  if (first === undefined) return undefined;
  const [from, to] = [Number(first), Number(last)];
  if (from > to) throw refused(`${word} ends before it begins`, "the first seq stands first");
  if (to < size) return ({ seq }) => from <= seq && seq <= to;
  const has = `the session has ${counted(size, "event")}, counted from 0`;
  throw refused(`there is no event ${grouped(to)}`, has);
}

function ofType(session: SessionReader, word: string): Named {
  const matches = typeFilter(word);
  for (const { type } of session.events()) {
    if (matches(type)) return (event) => matches(event.type);
  }
  const what = `no event has the type ${oneLine(word) || '""'}`;
  throw refused(what, "`reach events` shows the types; * stands for anything");
}

function refused(message: string, hint: string): ReachError {
  return new ReachError("USAGE", `--redact: ${message}`, { hint });
}
