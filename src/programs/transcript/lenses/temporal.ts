/**
 * Temporal workflow histories: activities and child workflows are the calls, signals are what comes
 * in, failures are the errors. The importer has brought the two spellings of types into one.
 */
import type { Facts, Lens, TranscriptEvent } from "../facts.ts";
import { isMembers, type Members, membersOf, textOf } from "../shape.ts";

const begins: ReadonlySet<string> = new Set([
  "WorkflowExecutionStarted",
  "WorkflowExecutionSignaled",
  "ActivityTaskScheduled",
  "StartChildWorkflowExecutionInitiated",
]);

const ends =
  /^(Activity|StartChild|Child|Workflow)[A-Z]\w*?(Completed|Failed|TimedOut|Canceled|Terminated)$/;

/** The lens for Temporal. */
export const temporal: Lens = {
  format: "temporal",

  fits(_type, data) {
    if (!isMembers(data)) return false;
    return "eventId" in data && textOf(data["eventType"]) !== undefined && "eventTime" in data;
  },

  reads(type) {
    return begins.has(type) || ends.test(type);
  },

  read(event, facts) {
    const attributes = attributesOf(event);
    const { type } = event;
    if (type === "WorkflowExecutionStarted") readStart(attributes, facts);
    else if (type === "WorkflowExecutionSignaled") {
      facts.message("signal", textOf(attributes["signalName"]) ?? "");
    } else if (type === "ActivityTaskScheduled") {
      facts.call(idOf(membersOf(event.data)["eventId"]), nameOf(attributes["activityType"]));
    } else if (type === "StartChildWorkflowExecutionInitiated") {
      facts.call(idOf(membersOf(event.data)["eventId"]), nameOf(attributes["workflowType"]));
    } else readEnd(type, attributes, facts);
  },
};

function attributesOf(event: TranscriptEvent): Members {
  const name = `${event.type.charAt(0).toLowerCase()}${event.type.slice(1)}EventAttributes`;
  return membersOf(membersOf(event.data)[name]);
}

function readStart(attributes: Members, facts: Facts): void {
  facts.title(nameOf(attributes["workflowType"]));
  const run = textOf(attributes["originalExecutionRunId"]);
  if (run !== undefined) facts.session(run);
}

function readEnd(type: string, attributes: Members, facts: Facts): void {
  const [, what, how] = ends.exec(type) ?? [];
  if (what === undefined) return;
  const failed = how !== "Completed";
  const text = failed ? failureText(how ?? "", attributes) : "";
  if (what !== "Workflow") {
    const call = attributes["scheduledEventId"] ?? attributes["initiatedEventId"];
    facts.result(idOf(call), { failed, text });
  } else if (failed) facts.error(`${type}: ${text}`);
}

function failureText(how: string, attributes: Members): string {
  const failure = membersOf(attributes["failure"]);
  return textOf(failure["message"]) ?? textOf(attributes["cause"]) ?? how;
}

/** Ids are numbers, written as text. */
function idOf(value: unknown): string {
  return typeof value === "number" ? String(value) : (textOf(value) ?? "");
}

function nameOf(type: unknown): string {
  return textOf(membersOf(type)["name"]) ?? "unnamed";
}
