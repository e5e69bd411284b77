/**
 * One event with all of its data. A payload above 4 KiB is fetched when it is looked at, and shown
 * only if it has the hash that the event names.
 */
import type { SessionId } from "../base/index.ts";
import type { EventObject } from "../client/index.ts";
import { decodePayload } from "../event/index.ts";
import { Failure, useLoaded } from "./loading.tsx";
import type { SessionSource } from "./session-source.ts";
import { ValueTree } from "./value-tree.tsx";
import { byteSize, span, timestamp } from "./wording.ts";

/** The event `seq`; `known` where it is in the window, `near` what else is there. */
export function EventPane({
  source,
  id,
  seq,
  known,
  near,
  select,
}: {
  readonly source: SessionSource;
  readonly id: SessionId;
  readonly seq: number;
  readonly known: EventObject | undefined;
  readonly near: readonly EventObject[];
  readonly select: (seq: number) => void;
}) {
  const {
    value: event,
    error,
    loading,
  } = useLoaded(
    (signal) => (known ? Promise.resolve(known) : eventAt(source, id, seq, signal)),
    [source, id, seq, known],
  );
  if (event?.seq !== seq) {
    if (loading || error !== undefined) return <Failure error={error} />;
    return <p class="dim">Event {seq} is withheld, or not there yet.</p>;
  }
  const { time, kind, type, ref, form, blob } = event;
  const answer = near.find((other) => other.kind === "result" && other.ref === seq);
  return (
    <div class="event">
      <dl>
        <dt>Event</dt>
        <dd>{seq}</dd>
        <dt>Time</dt>
        <dd>{timestamp(time)}</dd>
        <dt>Kind</dt>
        <dd>
          <span class={`kind kind-${kind}`}>{kind}</span> {type}
        </dd>
        {ref !== null && (
          <>
            <dt>Answers</dt>
            <dd>
              <EventLink seq={ref} select={select} />
            </dd>
          </>
        )}
        {answer && (
          <>
            <dt>Answered by</dt>
            <dd>
              <EventLink seq={answer.seq} select={select} /> after {span(answer.time - time)}
            </dd>
          </>
        )}
        {blob && (
          <>
            <dt>Payload</dt>
            <dd>
              {byteSize(blob.size)}, <code title={blob.sha256}>{blob.sha256.slice(0, 16)}</code>
            </dd>
          </>
        )}
      </dl>
      {blob ? (
        <Payload source={source} sha256={blob.sha256} size={blob.size} form={form ?? "cbor"} />
      ) : (
        <ValueTree key={seq} value={event.data} />
      )}
    </div>
  );
}

function EventLink({
  seq,
  select,
}: {
  readonly seq: number;
  readonly select: (seq: number) => void;
}) {
  return (
    <button type="button" class="link" onClick={() => select(seq)}>
      {seq}
    </button>
  );
}

function Payload({
  source,
  sha256,
  size,
  form,
}: {
  readonly source: SessionSource;
  readonly sha256: string;
  readonly size: number;
  readonly form: NonNullable<EventObject["form"]>;
}) {
  const { value, error, loading } = useLoaded(
    async (signal) => ({ data: decodePayload(form, await source.payload(sha256, signal)) }),
    [source, sha256, form],
  );
  if (loading) return <p class="dim">{byteSize(size)} on their way …</p>;
  return (
    <>
      <Failure error={error} />
      {value && <ValueTree key={sha256} value={value.data} />}
    </>
  );
}

async function eventAt(
  source: SessionSource,
  id: SessionId,
  seq: number,
  signal: AbortSignal,
): Promise<EventObject | undefined> {
  const options = { after: seq - 1, limit: 1, payload: "ref", signal } as const;
  for await (const event of source.events(id, options)) return event;
  return undefined;
}
