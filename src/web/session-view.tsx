/**
 * One session of a server: what it is, looked at anew as long as it may grow, the verdict of
 * verifying it, and its transcript.
 */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { SessionInfo } from "../client/index.ts";
import type { Connection } from "./connection.ts";
import { Failure, useBeat, useLoaded } from "./loading.tsx";
import { ProofPane } from "./proof-pane.tsx";
import { panes, type SessionRoute } from "./route.ts";
import { SessionCheck } from "./session-check.tsx";
import { Status } from "./status.tsx";
import { Transcript } from "./transcript-view.tsx";
import { count, timestamp } from "./wording.ts";

const refreshMs = 2000;
/** A session of a server, and the place in it that the route names. */
export function SessionView({
  connection,
  route,
}: {
  readonly connection: Connection;
  readonly route: SessionRoute;
}) {
  const { client } = connection;
  const { id } = route;
  const [over, setOver] = useState(false);
  const [beat, setBeat] = useState(0);
  const { value, error, loading } = useLoaded((signal) => client.session(id, signal), [id, beat]);
  useBeat(over || loading ? undefined : refreshMs, () => setBeat((before) => before + 1));
  const known = useRef<SessionInfo | undefined>(undefined);
  if (value) known.current = value;
  // A look that fails takes away neither what is known nor a check that goes on.
  const { current: session } = known;
  useEffect(() => setOver(session?.status === "ended"), [session]);
  return (
    <main class="session">
      <Failure error={error} />
      {session && (
        <Heading session={session}>
          <SessionCheck connection={connection} id={id} />
        </Heading>
      )}
      <Transcript source={client} session={session} route={route} panes={panes} grows={!over}>
        {(seq) => <ProofPane connection={connection} id={id} seq={seq} />}
      </Transcript>
    </main>
  );
}

/** What a session is, and below that what was found of it. */
export function Heading({
  session,
  children,
}: {
  readonly session: SessionInfo;
  readonly children: ComponentChildren;
}) {
  const { id, name, program, format, kind, created, size, signed, root, problem } = session;
  return (
    <header class="about">
      <h1>
        {name || program || format || kind} <Status session={session} />
      </h1>
      <dl>
        <dt>Session</dt>
        <dd>
          <code>{id}</code>
        </dd>
        <dt>Program</dt>
        <dd>{program ?? (format === "" ? "none, recorded" : `none, from ${format}`)}</dd>
        <dt>Begun</dt>
        <dd>{timestamp(created)}</dd>
        <dt>Events</dt>
        <dd>{count(size)}</dd>
        <dt>Signed</dt>
        <dd title={root ?? ""}>
          {signed === null ? "not yet" : `${count(signed)} events`}{" "}
          {root !== null && <code>{root.slice(0, 16)}</code>}
        </dd>
      </dl>
      {children}
      {problem !== null && <p class="failure">{problem}</p>}
    </header>
  );
}
