/**
 * The state of `transcript`: a tree of plain data whose size has a bound at any length of the
 * session. Nothing in it is named by a stranger except entries of lists.
 */
import { bounds } from "./bounds.ts";
import { type Calls, emptyCalls } from "./calls.ts";
import { type Clock, emptyClock } from "./clock.ts";
import { emptyTally, lastIndex, type Tally } from "./entries.ts";
import { emptyTokens, type Tokens } from "./tokens.ts";

/** A text of the session and where it stands. */
export interface Excerpt {
  readonly seq: number;
  readonly text: string;
}

/** One of the last messages. */
export interface Message extends Excerpt {
  readonly role: string;
}

/** What was said in one role. `bytes` of UTF-8. */
export interface Role {
  readonly name: string;
  count: number;
  bytes: number;
}

/** What happened to one file; `last` is the seq of the event that touched it last. */
export interface TouchedFile {
  readonly path: string;
  reads: number;
  writes: number;
  edits: number;
  last: number;
}

/** Everything `transcript` knows about a session. */
export interface TranscriptState {
  /** `claude-code`, `codex`, ...; `records` for any other; `null` while it is not known. */
  format: string | null;
  /** Records that fitted no known format. */
  tried: number;
  /** Events so far, notes aside. */
  events: number;
  title: string | null;
  /** The first thing a person said. */
  prompt: Excerpt | null;
  readonly clock: Clock;
  /** Ids seen lately, the current one last; `count` of different ones. */
  readonly sessions: { count: number; recent: { readonly id: string }[] };
  readonly models: Tally;
  readonly messages: { readonly roles: Role[]; readonly last: Message[] };
  readonly calls: Calls;
  readonly tokens: Tokens;
  /** The files used last, the newest at the end; `dropped` were forgotten to make room. */
  readonly files: { readonly entries: TouchedFile[]; dropped: number };
  readonly errors: { count: number; readonly last: Excerpt[] };
  /** Records that could not be parsed, and the last of them by seq. */
  readonly unparsed: { count: number; readonly last: number[] };
  readonly types: Tally;
}

/** The state before any event. */
export function emptyState(): TranscriptState {
  return {
    format: null,
    tried: 0,
    events: 0,
    title: null,
    prompt: null,
    clock: emptyClock(),
    sessions: { count: 0, recent: [] },
    models: emptyTally(),
    messages: { roles: [], last: [] },
    calls: emptyCalls(),
    tokens: emptyTokens(),
    files: { entries: [], dropped: 0 },
    errors: { count: 0, last: [] },
    unparsed: { count: 0, last: [] },
    types: emptyTally(),
  };
}

/** The role that takes what is said in roles beyond the first few. */
export const otherRole = "other";

/** The entry of a role, made where there is none yet. */
export function roleOf(roles: Role[], name: string): Role {
  const known = roles[lastIndex(roles, "name", name)];
  if (known) return known;
  // The last place is for all the roles that find no other.
  if (name !== otherRole && roles.length >= bounds.rolesMax - 1) return roleOf(roles, otherRole);
  const role = { name, count: 0, bytes: 0 };
  roles.push(role);
  return role;
}
