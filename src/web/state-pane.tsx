/**
 * The state of the program after an event, and what that event changed in it. The server folds; the
 * two states are compared here.
 */
import type { SessionId } from "../base/index.ts";
import type { StateInfo } from "../client/index.ts";
import { type Difference, differences } from "../replay/index.ts";
import { Failure, useLoaded } from "./loading.tsx";
import type { SessionSource } from "./session-source.ts";
import { ValueTree } from "./value-tree.tsx";

const changesShown = 50;

/** The state after the first `seq + 1` events. */
export function StatePane({
  source,
  id,
  seq,
}: {
  readonly source: SessionSource;
  readonly id: SessionId;
  readonly seq: number;
}) {
  const { value, error, loading } = useLoaded(
    (signal) => stateAround(source, id, seq, signal),
    [source, id, seq],
  );
  if (value?.after.at !== seq + 1) {
    return loading ? <p class="dim">computing …</p> : <Failure error={error} />;
  }
  const { after, changes } = value;
  const { program, stateHash, snapshotUsed } = after;
  return (
    <div class="state">
      <dl>
        <dt>Program</dt>
        <dd>
          {program.name} {program.version}
        </dd>
        <dt>State hash</dt>
        <dd>
          <code title={stateHash}>{stateHash.slice(0, 16)}</code>
        </dd>
        <dt>Folded from</dt>
        <dd>{snapshotUsed === null ? "the beginning" : `the snapshot at ${snapshotUsed}`}</dd>
      </dl>
      <Changes changes={changes} />
      <h2>State</h2>
      <ValueTree key={seq} value={after.state} />
    </div>
  );
}

function Changes({ changes }: { readonly changes: readonly Difference[] }) {
  if (changes.length === 0) return <p class="dim">This event changed nothing in it.</p>;
  return (
    <>
      <h2>Changed by this event</h2>
      <table class="changes">
        <tbody>
          {changes.slice(0, changesShown).map(({ path, expected, actual }) => (
            <tr key={path}>
              <td>
                <code>{path}</code>
              </td>
              <td class="was">{expected}</td>
              <td class="is">{actual}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {changes.length > changesShown && <p class="dim">and more</p>}
    </>
  );
}

async function stateAround(
  source: SessionSource,
  id: SessionId,
  seq: number,
  signal: AbortSignal,
): Promise<{ readonly after: StateInfo; readonly changes: readonly Difference[] }> {
  const [before, after] = await Promise.all([
    source.state(id, seq, signal),
    source.state(id, seq + 1, signal),
  ]);
  const changes = differences(before.state, after.state, { limit: changesShown + 1 });
  return { after, changes };
}
