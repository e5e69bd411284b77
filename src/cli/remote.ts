/**
 * A server instead of the data directory: `--url`. The client, and finding the session that
 * somebody means by the beginning of its id.
 */
import { isSessionId, ReachError, type SessionId } from "../base/index.ts";
import { type ListOptions, ReachClient, type SessionInfo } from "../client/index.ts";
import type { Invocation } from "./invocation.ts";
import type { SessionSummary } from "./session-summary.ts";
import { isBeginning, resolveAmong, wantedId } from "./sessions.ts";
import { oneLine } from "./terminal-text.ts";

/** An answer that has not begun after this long is worth a word. */
const patienceMs = 5000;

/** The server that is asked; nothing where the data directory is. */
export function remoteOf(invocation: Invocation): ReachClient | undefined {
  const { server } = invocation.settings;
  return server && new ReachClient({ ...server, fetch: tellingFetch(invocation, server.url) });
}

/** The server that a command cannot do without. Throws `USAGE` where none is named. */
export function serverOf(invocation: Invocation, command: string, instead: string): ReachClient {
  const client = remoteOf(invocation);
  if (client) return client;
  throw new ReachError("USAGE", `${command} asks a server, and none is named`, {
    hint: `give --url, or ${instead}`,
  });
}

/** `fetch` that says once whom it waits for: a hanging server looks like a hanging command. */
function tellingFetch({ output }: Invocation, url: string): typeof fetch {
  let told = false;
  return async (input, init) => {
    // What is still being sent is not waited for.
    if (init?.body instanceof ReadableStream) return fetch(input, init);
    const timer = setTimeout(() => {
      if (!told) output.note(`waiting for an answer of ${url} …`);
      told = true;
    }, patienceMs);
    try {
      return await fetch(input, init);
    } finally {
      clearTimeout(timer);
    }
  };
}

/** The session of a server that `text` names. Throws as for one of the data directory. */
export async function resolveRemote(client: ReachClient, text: string): Promise<SessionId> {
  const wanted = wantedId(text);
  if (isSessionId(wanted)) return wanted;
  const names = new Map<SessionId, string>();
  const list = async (filter: ListOptions): Promise<void> => {
    for await (const { id, name } of client.sessions(filter)) names.set(id, name);
  };
  if (isBeginning(wanted)) await list({ prefix: wanted });
  // What was mistyped may be close to any of them.
  if (names.size === 0) await list({});
  const ids = [...names.keys()].sort();
  return resolveAmong(ids, text, (id) => oneLine(names.get(id) ?? ""));
}

/** A session of a server as it is listed. */
export function summaryOf(session: SessionInfo): SessionSummary {
  const { id, name, format, kind, program, created, size, signed, status, problem } = session;
  const { outcome } = session;
  const standing =
    status === "read-only" ? "quarantined" : status === "damaged" ? "damaged" : ("ok" as const);
  const about = { id, name, format, kind, program, created, events: size, signed, problem };
  const phase = kind === "executed" && standing === "ok" ? status : null;
  return { ...about, bytes: null, status: standing, phase, outcome };
}

/** The error for a flag that a server has no use for. */
export function localOnly(flag: string): ReachError {
  return new ReachError("USAGE", `${flag} is for the data directory: the server decides that`, {
    hint: `leave ${flag} out, or --url`,
  });
}
