/**
 * How a session stands: how it ended, what it waits for, or that something is wrong with it, which
 * is told when somebody points at it.
 */
import type { SessionInfo } from "../client/index.ts";

/** How a session stands, in a word. */
export function Status({ session }: { readonly session: SessionInfo }) {
  const { status, outcome, problem } = session;
  const ended = outcome !== null && outcome !== "" ? outcome : status;
  return (
    <span class={`status status-${problem === null ? ended : "damaged"}`} title={problem ?? status}>
      {ended}
    </span>
  );
}
