/**
 * Where the page has a session from: a server, or the bundle that a page brings along. What both
 * can do is what `ReachClient` does.
 */
import type { ReachClient } from "../client/index.ts";

/** The part of a client that shows a session. */
export type SessionSource = Pick<ReachClient, "session" | "events" | "tail" | "payload" | "state">;
