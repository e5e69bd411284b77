/**
 * Temporal workflow histories, as `temporal workflow show --output json` writes them: a document
 * with `events`. Types of events come in two spellings; here they have one, `ActivityTaskStarted`.
 * What answers an event names its `eventId`.
 */
import { headSample } from "./head-sample.ts";
import type { Format } from "./importer.ts";
import { topLayout } from "./json-layout.ts";
import { JsonScanner } from "./json-scanner.ts";
import { refusePath } from "./path-option.ts";
import {
  idOf,
  type JsonObject,
  objectOf,
  plain,
  type Reading,
  type RecordMapper,
  textOf,
  typeOf,
} from "./reading.ts";
import { timeOf } from "./times.ts";

const activityEnd = /^ActivityTask(?:Completed|Failed|TimedOut|Canceled)$/;
const childEnd = /^(?:ChildWorkflowExecution(?:Completed|Failed|TimedOut|Canceled|Terminated))$/;
const prefix = "EVENT_TYPE_";

/** `EVENT_TYPE_TIMER_FIRED` as `TimerFired`; other spellings are left as they are. */
export function eventTypeName(text: string): string {
  if (!text.startsWith(prefix)) return text;
  return text
    .slice(prefix.length)
    .toLowerCase()
    .replace(/(?:^|_)([a-z0-9])/g, (_, first: string) => first.toUpperCase());
}

/** The attributes of an event stand under a member named after its type. */
function attributesOf(event: JsonObject, type: string): JsonObject | undefined {
  const member = `${type.charAt(0).toLowerCase()}${type.slice(1)}EventAttributes`;
  return objectOf(event[member]);
}

function readEvent(event: JsonObject): Reading {
  const word = textOf(event["eventType"]);
  const name = word === undefined ? undefined : eventTypeName(word);
  const type = typeOf(name);
  const time = timeOf(event["eventTime"]);
  switch (type) {
    case "WorkflowExecutionStarted":
      return { time, kind: "trigger", type };
    case "WorkflowExecutionSignaled":
      return { time, kind: "input", type };
    case "WorkflowExecutionCancelRequested":
      return { time, kind: "cancel", type };
    case "TimerStarted":
      return { time, kind: "timer", type };
    case "ActivityTaskScheduled":
    case "StartChildWorkflowExecutionInitiated":
      return { time, kind: "call", type, opens: idOf(event["eventId"]) };
    default:
  }
  const asked = activityEnd.test(type)
    ? "scheduledEventId"
    : childEnd.test(type) || type === "StartChildWorkflowExecutionFailed"
      ? "initiatedEventId"
      : undefined;
  if (asked === undefined) return { time, kind: "emit", type };
  return { time, kind: "result", type, answers: idOf(attributesOf(event, type)?.[asked]) };
}

const mapper: RecordMapper = {
  read(value, { member, element }) {
    const event = objectOf(value);
    if (element && event && "eventType" in event) return readEvent(event);
    return plain(typeOf(member ?? undefined));
  },
};

function isEvent(value: unknown): boolean {
  const event = objectOf(value);
  return event !== undefined && "eventId" in event && "eventType" in event;
}

/** Temporal histories. */
export const temporal: Format = {
  name: "temporal",
  appendOnly: false,
  recalls: [],
  sniff(head) {
    const { document } = headSample(head);
    const events = document.top === "array" ? document.elements : document.members.get("events");
    if (document.broken || !events || events.length === 0) return 0;
    return events.every(isEvent) ? 0.95 : 0;
  },
  reader(options) {
    refusePath("temporal", options);
    return new JsonScanner(mapper, topLayout, options);
  },
};
