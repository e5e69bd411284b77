// Temporal's side of the replay: a history is made and kept as protobuf, as a worker gets it, and
// replayed in a fresh process with a bundle that was made before. A short history goes first, so
// that what is on the clock is replay and not the start of the SDK; or the same history as well, so
// that no code is cold.

import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { measured, type Work } from "../../bench/measurement.ts";
import type { FanOutPlan } from "./fan-out-shape.ts";
import {
  peerModule,
  peersFolder,
  type TemporalProto,
  type TemporalProtoUtils,
  type TemporalWorker,
} from "./peer-modules.ts";
import { eventsOf, temporalHistory } from "./temporal-history.ts";

function codec(): TemporalProto["temporal"]["api"]["history"]["v1"]["History"] {
  return peerModule<TemporalProto>("@temporalio/proto").temporal.api.history.v1.History;
}

/** Writes the history of a plan, as protobuf. */
export function makeHistory(input: { readonly file: string; readonly plan: FanOutPlan }) {
  return measured(() => {
    const { historyFromJSON } = peerModule<TemporalProtoUtils>(
      "@temporalio/common/lib/proto-utils",
    );
    const bytes = codec()
      .encode(historyFromJSON(temporalHistory(input.plan)))
      .finish();
    writeFileSync(input.file, bytes);
    return { bytes: bytes.length };
  });
}

/** Bundles the workflow, with the activity `look` under another name for the changed one. */
export function makeBundles(input: { readonly file: string; readonly changed: string }) {
  return measured(async () => {
    const { bundleWorkflowCode, DefaultLogger } = peerModule<TemporalWorker>("@temporalio/worker");
    const workflowsPath = path.join(peersFolder, "fan-out-workflow.js");
    const logger = new DefaultLogger("ERROR");
    const { code } = await bundleWorkflowCode({ workflowsPath, logger });
    writeFileSync(input.file, code);
    const other = code.replaceAll("activities.look(", "activities.search(");
    if (other === code) throw new Error("the bundle does not call activities.look");
    writeFileSync(input.changed, other);
    return {};
  });
}

/** Replays a history. It counts only if a changed workflow is refused. */
export async function replayHistory(input: {
  readonly bundle: string;
  readonly changed: string;
  readonly short: string;
  readonly file: string;
  readonly plan: FanOutPlan;
  /** Whether the history is replayed once before it is on the clock. */
  readonly again: boolean;
}): Promise<Work> {
  const { Worker, Runtime, DefaultLogger } = peerModule<TemporalWorker>("@temporalio/worker");
  const runtime = Runtime.install({ logger: new DefaultLogger("ERROR") });
  const history = codec();
  const replay = (file: string, codePath = input.bundle): Promise<void> => {
    const options = { workflowBundle: { codePath } };
    return Worker.runReplayHistory(options, history.decode(readFileSync(file)));
  };
  await replay(input.short);
  if (input.again) await replay(input.file);
  const work = await measured(async () => {
    await replay(input.file);
    return { events: eventsOf(input.plan) };
  });
  const refused = await replay(input.short, input.changed).catch((error: Error) => error.name);
  if (refused !== "DeterminismViolationError") {
    throw new Error(`a changed workflow replays: ${refused}`);
  }
  await runtime.shutdown();
  return work;
}
