/**
 * Whether an event is in the log that was signed, worked out in this page: the event's bytes are
 * hashed here, the path to the root is hashed here, and the signature under the root is checked
 * here. Only the key has to be believed, and it can be compared with one that came another way.
 */
import { fromHex, type SessionId, toHex, utf8 } from "../base/index.ts";
import { leafHashOf, openCheckpoint, verifyInclusion } from "../merkle/index.ts";
import { verifierOf } from "../session/index.ts";
import type { Connection } from "./connection.ts";
import { Failure, useLoaded } from "./loading.tsx";
import { pinKey, usePinnedKey } from "./pinned-key.ts";
import { count } from "./wording.ts";

interface Proof {
  readonly leaf: string;
  readonly path: readonly string[];
  readonly root: string;
  readonly size: number;
  readonly origin: string;
  readonly ok: boolean;
  readonly reason: string;
}

/** The proof for one event. */
export function ProofPane({
  connection,
  id,
  seq,
}: {
  readonly connection: Connection;
  readonly id: SessionId;
  readonly seq: number;
}) {
  const { verifierKey } = connection.about;
  const pinned = usePinnedKey();
  const { value, error, loading } = useLoaded(
    (signal) => proofOf(connection, id, seq, signal),
    [connection, id, seq],
  );
  if (loading) return <p class="dim">working it out …</p>;
  if (value === undefined) return <Failure error={error} />;
  const { leaf, path, root, size, origin, ok, reason } = value;
  const strange = pinned !== undefined && pinned !== verifierKey;
  return (
    <div class="proof">
      <p class={`verdict ${!ok ? "bad" : strange ? "unsure" : "good"}`}>
        {ok ? `Event ${count(seq)} is in the log that was signed.` : `Not proved: ${reason}`}
        {ok && strange && " The key is not the one that you trust."}
      </p>
      <dl>
        <dt>Leaf</dt>
        <dd>
          <code>{leaf}</code>
        </dd>
        <dt>Path</dt>
        <dd>
          {path.map((hash) => (
            <code key={hash} class="hash">
              {hash}
            </code>
          ))}
        </dd>
        <dt>Root</dt>
        <dd>
          <code>{root}</code>
        </dd>
        <dt>Signed</dt>
        <dd>
          {count(size)} events of <code>{origin}</code>
        </dd>
        <dt>Key</dt>
        <dd>
          <code>{verifierKey}</code>
        </dd>
      </dl>
      <p class="dim">
        Hashes and signature were checked in this page. The key comes from this server: compare it
        with the one that <code>reach doctor</code> prints where the data lies.
      </p>
      <KeyTrust verifierKey={verifierKey} pinned={pinned} keep={pinKey} />
    </div>
  );
}

/** Once the key has been compared, the browser can remember that. */
function KeyTrust({
  verifierKey,
  pinned,
  keep,
}: {
  readonly verifierKey: string;
  readonly pinned: string | undefined;
  readonly keep: (key: string) => void;
}) {
  if (pinned === verifierKey) {
    return (
      <p class="verdict good">
        It is the key that you trust.{" "}
        <button type="button" onClick={() => keep("")}>
          No longer
        </button>
      </p>
    );
  }
  return (
    <p>
      <button type="button" onClick={() => keep(verifierKey)}>
        I have compared it: trust this key
      </button>
    </p>
  );
}

async function proofOf(
  { client, about }: Connection,
  id: SessionId,
  seq: number,
  signal: AbortSignal,
): Promise<Proof> {
  // Asked without a size, the server signs as far as is needed.
  await client.inclusion(id, { seq }, signal);
  const note = utf8(await client.checkpoint(id, signal));
  const { origin, size, root } = openCheckpoint(note, [verifierOf(about.verifierKey)]);
  const [bytes, { proof }] = await Promise.all([
    eventBytes(client, id, seq, signal),
    client.inclusion(id, { seq, size }, signal),
  ]);
  const leafHash = leafHashOf(bytes);
  const hashes = proof.map((text) => fromHex(text) ?? new Uint8Array());
  const named = origin.endsWith(`/s/${id}`);
  const verdict = verifyInclusion({ index: seq, size, root, leafHash, proof: hashes });
  return {
    leaf: toHex(leafHash),
    path: proof,
    root: toHex(root),
    size,
    origin,
    ok: named && verdict.ok,
    reason: named ? (verdict.ok ? "" : verdict.reason) : "the checkpoint is of another session",
  };
}

async function eventBytes(
  client: Connection["client"],
  id: SessionId,
  seq: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  for await (const event of client.stored(id, { from: seq, limit: 1, signal })) return event.bytes;
  throw new Error(`the server has no event ${seq}`);
}
