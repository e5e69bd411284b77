// Code that is recorded, here and on a server, and the logs that come out.

import { ReachClient, type SessionRecorder } from "../../src/client.ts";
import { open } from "../../src/index.ts";
import type { Served } from "../server/serving.ts";
import { Scratch } from "../session/sample-session.ts";

/** What a log says, but for the time. */
export interface Logged {
  readonly kind: string;
  readonly type: string;
  readonly ref: number | null;
  readonly bytes: string;
  readonly seq: number;
  readonly data: unknown;
}

/** The events of a log. */
export function loggedOf(
  events: Iterable<Omit<Logged, "bytes"> & { payloadBytes: Uint8Array }>,
): Logged[] {
  return [...events].map(({ seq, kind, type, ref, data, payloadBytes }) => {
    return { seq, kind, type, ref, data, bytes: Buffer.from(payloadBytes).toString("hex") };
  });
}

/** The events of a session of a server. */
export function eventsOn(served: Served, id: string): Logged[] {
  const reader = served.directory.session(id);
  try {
    return loggedOf(reader.events());
  } finally {
    reader.close();
  }
}

/** Their kinds and types. */
export function typesOn(served: Served, id: string): string[] {
  return eventsOn(served, id).map(({ kind, type }) => `${kind} ${type}`);
}

/** Runs code over a recording into a data directory; what it came to, and its log. */
export async function locally(code: (session: SessionRecorder) => Promise<unknown>) {
  const scratch = new Scratch();
  const reach = await open({ data: scratch.at("data") });
  try {
    const session = reach.record({ name: "agent" });
    const outcome = await code(session);
    await session.close();
    return { outcome, events: loggedOf(reach.events(session.id)) };
  } finally {
    await reach.close();
    scratch.remove();
  }
}

/** The same over a recording to a server. */
export async function remotely(
  served: Served,
  code: (session: SessionRecorder) => Promise<unknown>,
  client = new ReachClient({ url: served.url }),
) {
  const session = client.recorder({ name: "agent" });
  const outcome = await code(session);
  await session.close();
  return { id: session.id, outcome, events: eventsOn(served, session.id) };
}
