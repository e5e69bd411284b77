/**
 * The sessions of a server, the newest first, looked at anew every few seconds as long as somebody
 * sees them.
 */
import { useState } from "preact/hooks";
import type { ListOptions, ReachClient, SessionInfo } from "../client/index.ts";
import { BundleCheck } from "./bundle-check.tsx";
import type { Connection } from "./connection.ts";
import { Failure, useBeat, useLoaded } from "./loading.tsx";
import { routeHash } from "./route.ts";
import { Status } from "./status.tsx";
import { ago, count, timestamp } from "./wording.ts";

const firstShown = 100;
const refreshMs = 3000;
const statuses = [
  "running",
  "waiting",
  "queued",
  "parked",
  "ended",
  "stuck",
  "recorded",
  "damaged",
];

/** The list, with what chooses among it. */
export function SessionList({
  connection: { client, about },
}: {
  readonly connection: Connection;
}) {
  const [status, setStatus] = useState("");
  const [program, setProgram] = useState("");
  const [shown, setShown] = useState(firstShown);
  const [beat, setBeat] = useState(0);
  const { value, error, loading } = useLoaded(
    (signal) => {
      const chosen = { ...(status && { status }), ...(program && { program }) };
      return listed(client, { ...chosen, limit: shown + 1, signal });
    },
    [client, status, program, shown, beat],
  );
  useBeat(loading ? undefined : refreshMs, () => setBeat((before) => before + 1));
  const sessions = value?.slice(0, shown);
  return (
    <main class="sessions">
      <form class="choices" onSubmit={(event) => event.preventDefault()}>
        <label>
          Status{" "}
          <select value={status} onChange={({ currentTarget }) => setStatus(currentTarget.value)}>
            <option value="">any</option>
            {statuses.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label>
          Program{" "}
          <input
            defaultValue={program}
            placeholder="any"
            onChange={({ currentTarget }) => setProgram(currentTarget.value.trim())}
          />
        </label>
        <BundleCheck verifierKey={about.verifierKey} />
      </form>
      <Failure error={error} />
      {sessions && <SessionTable sessions={sessions} />}
      {value && value.length > shown && (
        <button type="button" onClick={() => setShown(10 * shown)}>
          More
        </button>
      )}
    </main>
  );
}

async function listed(client: ReachClient, options: ListOptions): Promise<SessionInfo[]> {
  const found: SessionInfo[] = [];
  for await (const session of client.sessions(options)) found.push(session);
  return found;
}

function SessionTable({ sessions }: { readonly sessions: readonly SessionInfo[] }) {
  if (sessions.length === 0) return <p class="dim">No session here is like that.</p>;
  const now = Date.now();
  return (
    <table class="list">
      <thead>
        <tr>
          <th>Session</th>
          <th>Name</th>
          <th>Program</th>
          <th>Status</th>
          <th class="right">Events</th>
          <th class="right">Signed</th>
          <th>Begun</th>
        </tr>
      </thead>
      <tbody>
        {sessions.map((session) => (
          <SessionRow key={session.id} session={session} now={now} />
        ))}
      </tbody>
    </table>
  );
}

function SessionRow({ session, now }: { readonly session: SessionInfo; readonly now: number }) {
  const { id, name, program, format, size, signed, created } = session;
  const address = routeHash({ page: "session", id, seq: undefined, pane: "event" });
  return (
    <tr>
      <td>
        <a href={address}>
          <code>{id}</code>
        </a>
      </td>
      <td>{name}</td>
      <td>{program ?? format}</td>
      <td>
        <Status session={session} />
      </td>
      <td class="right">{count(size)}</td>
      <td class="right">{signed === null ? "" : signed === size ? "all" : count(signed)}</td>
      <td title={timestamp(created)}>{ago(created, now)}</td>
    </tr>
  );
}
