/**
 * What the manifest of a fork says of the events that it shares with its source: a root, which is
 * compared like that of a checkpoint. Whoever has the source can show that it is the root there.
 */
import type { Manifest } from "./manifest.ts";
import type { RootClaim } from "./root-marks.ts";
import type { ProblemList } from "./verify-report.ts";

/** The claim of a fork; nothing for other sessions. */
export function forkClaim({ fork }: Manifest, problems: ProblemList): RootClaim[] {
  if (!fork) return [];
  const { at, root, source } = fork;
  const settle = (holds: boolean | undefined): void => {
    if (holds !== false) return;
    problems.add("manifest.cbor", `its first ${at} events are not those of session ${source}`);
  };
  return [{ size: at, root, settle }];
}
