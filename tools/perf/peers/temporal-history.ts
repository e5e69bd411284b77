// A history of Temporal out of nothing, in the JSON that its tools export: what the server would
// have recorded of `perf/peers/fan-out-workflow.js`, had every activity answered at once. The
// answers of a fan-out arrive together, so one workflow task takes them all: the fewest tasks that
// a history of this shape can have, and the cheapest to replay.

import { type Answer, answerTo, type FanOutPlan, lookInput, thinkInput } from "./fan-out-shape.ts";

/** Name of the exported workflow function. */
export const workflowName = "fanOutWorkflow";
const taskQueue = { name: "peers", kind: "TASK_QUEUE_KIND_NORMAL" };
const identity = "1@peers";
const began = Date.UTC(2026, 0, 5, 9, 12, 33, 123);
/** The server ends a run here. */
const historyEventsMax = 51_200;

/** An event of a history, as Temporal's JSON has it. */
export interface HistoryEvent {
  readonly eventId: string;
  readonly eventTime: string;
  readonly eventType: string;
  readonly [attributes: string]: unknown;
}

/** Events of a turn: a wave of one activity, a wave of `width`; three events each, and a task. */
function turnEvents(width: number): number {
  return 3 + 3 + 3 * width + 3;
}

/** Start, first workflow task, end. */
const frameEvents = 1 + 3 + 1;

/** The most turns that fit into a history of `events` events. */
export function turnsFor(events: number, width: number): number {
  if (events > historyEventsMax) {
    throw new RangeError(`Temporal ends a run at ${historyEventsMax} events`);
  }
  return Math.floor((events - frameEvents) / turnEvents(width));
}

/** How many events the history of a plan has. */
export function eventsOf({ turns, width }: FanOutPlan): number {
  return frameEvents + turns * turnEvents(width);
}

/** The history of a plan. */
export function temporalHistory(plan: FanOutPlan): { readonly events: readonly HistoryEvent[] } {
  const history = new HistoryWriter(plan);
  let characters = 0;
  const ask = (turn: number, part: number): Activity => {
    const answer = answerTo(turn, part);
    characters += answer.text.length;
    if (part < 0) return { type: "think", input: thinkInput(turn), answer };
    return { type: "look", input: lookInput(turn, part), answer };
  };
  for (let turn = 0; turn < plan.turns; turn++) {
    history.wave([ask(turn, -1)]);
    history.wave(Array.from({ length: plan.width }, (_, part) => ask(turn, part)));
  }
  history.end(characters);
  return { events: history.events };
}

interface Activity {
  readonly type: string;
  readonly input: unknown;
  readonly answer: Answer;
}

function payloads(value: unknown): object {
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  const payload = {
    metadata: { encoding: base64("json/plain") },
    data: base64(JSON.stringify(value)),
  };
  return { payloads: [payload] };
}

class HistoryWriter {
  readonly events: HistoryEvent[] = [];
  /** Id of the newest completed workflow task. */
  #task = "";
  #activities = 0;

  constructor(plan: FanOutPlan) {
    const runId = "5d1f2ad4-3f3b-4b7a-9f0e-0a8a6d2f7c11";
    this.#add("WORKFLOW_EXECUTION_STARTED", {
      workflowType: { name: workflowName },
      taskQueue,
      input: payloads(plan),
      workflowExecutionTimeout: "0s",
      workflowRunTimeout: "0s",
      workflowTaskTimeout: "10s",
      originalExecutionRunId: runId,
      firstExecutionRunId: runId,
      identity,
      attempt: 1,
      workflowId: "peers",
    });
    // Without these flags the SDK takes the history for one of an old version, and compares less.
    const sdkMetadata = {
      coreUsedFlags: [1, 2, 3],
      langUsedFlags: [2],
      sdkName: "temporal-typescript",
      sdkVersion: "1.24.0",
    };
    this.#workflowTask({ sdkMetadata });
  }

  /** Activities that are started together and answered together. */
  wave(activities: readonly Activity[]): void {
    const scheduled = activities.map(({ type, input }) => {
      this.#activities += 1;
      return this.#add("ACTIVITY_TASK_SCHEDULED", {
        activityId: String(this.#activities),
        activityType: { name: type },
        taskQueue,
        input: payloads(input),
        startToCloseTimeout: "60s",
        workflowTaskCompletedEventId: this.#task,
      });
    });
    for (const [i, { answer }] of activities.entries()) {
      const scheduledEventId = scheduled[i];
      const requestId = `activity-${scheduledEventId}`;
      const about = { scheduledEventId, identity, requestId, attempt: 1 };
      const startedEventId = this.#add("ACTIVITY_TASK_STARTED", about);
      const result = payloads(answer);
      this.#add("ACTIVITY_TASK_COMPLETED", { scheduledEventId, startedEventId, identity, result });
    }
    this.#workflowTask({});
  }

  end(result: unknown): void {
    const workflowTaskCompletedEventId = this.#task;
    const ended = { result: payloads(result), workflowTaskCompletedEventId };
    this.#add("WORKFLOW_EXECUTION_COMPLETED", ended);
  }

  #workflowTask(metadata: object): void {
    const scheduledEventId = this.#add("WORKFLOW_TASK_SCHEDULED", {
      taskQueue,
      startToCloseTimeout: "10s",
      attempt: 1,
    });
    const about = { scheduledEventId, identity };
    const requestId = `task-${scheduledEventId}`;
    const startedEventId = this.#add("WORKFLOW_TASK_STARTED", { ...about, requestId });
    this.#task = this.#add("WORKFLOW_TASK_COMPLETED", { ...about, startedEventId, ...metadata });
  }

  /** Adds an event and returns its id. */
  #add(type: string, attributes: object): string {
    const { length } = this.events;
    const eventId = String(length + 1);
    const words = type.toLowerCase();
    const name = words.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
    this.events.push({
      eventId,
      eventTime: new Date(began + 7 * length).toISOString(),
      eventType: `EVENT_TYPE_${type}`,
      [`${name}EventAttributes`]: attributes,
    });
    return eventId;
  }
}
