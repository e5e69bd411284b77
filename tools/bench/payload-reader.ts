// The program that replays are measured with: it looks at every payload and keeps what an agent's
// reducer keeps, counts, calls that are open, the last messages. The floor folds with these very
// functions, in its own loop; Reach bundles them into a program, so this file imports nothing.

/** What it makes of a session; bounded at any length. */
export interface ReaderState {
  events: number;
  /** Members of all payloads. */
  members: number;
  /** UTF-16 units of the texts that are members of payloads. */
  units: number;
  byType: Record<string, number>;
  /** Names of the tools that have not answered yet. */
  open: Record<string, string>;
  /** The beginnings of the last 50 messages. */
  recent: string[];
}

/** An event as far as this program looks at it. */
export interface ReaderEvent {
  readonly seq: number;
  readonly time: number;
  readonly kind: string;
  readonly type: string;
  readonly ref: number | null;
  readonly data: unknown;
}

export const name = "payload-reader";
export const version = "1";

const recentMax = 50;
const recentChars = 200;

/** The state before any event. */
export function init(): ReaderState {
  return { events: 0, members: 0, units: 0, byType: {}, open: {}, recent: [] };
}

/** The state after `event`. */
export function reduce(state: ReaderState, event: ReaderEvent): ReaderState {
  const data = event.data as Readonly<Record<string, unknown>>;
  state.events += 1;
  for (const key in data) {
    state.members += 1;
    const value = data[key];
    if (typeof value === "string") state.units += value.length;
  }
  state.byType[event.type] = (state.byType[event.type] ?? 0) + 1;
  if (event.kind === "call") state.open[event.seq] = String(data["name"]);
  else if (event.kind === "result") delete state.open[String(event.ref)];
  else if (event.type === "message") keepMessage(state.recent, data["content"]);
  return state;
}

function keepMessage(recent: string[], content: unknown): void {
  const [first] = content as readonly { readonly text?: unknown }[];
  if (typeof first?.text !== "string") return;
  recent.push(first.text.slice(0, recentChars));
  if (recent.length > recentMax) recent.shift();
}
