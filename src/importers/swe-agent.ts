/**
 * SWE-agent trajectories (`.traj`), one JSON document: steps, the history of messages, and members
 * about the run. mini-swe-agent writes the messages alone, bare or under `messages`. There are no
 * times in any of them.
 */
import { headSample } from "./head-sample.ts";
import type { Format } from "./importer.ts";
import { topLayout } from "./json-layout.ts";
import { JsonScanner } from "./json-scanner.ts";
import { refusePath } from "./path-option.ts";
import { objectOf, plain, type Reading, type RecordMapper, textOf, typeOf } from "./reading.ts";

function readMessage(value: unknown, word: string): Reading {
  const role = textOf(objectOf(value)?.["role"]);
  return { time: null, kind: role === "user" ? "input" : "emit", type: typeOf(word, role) };
}

const mapper: RecordMapper = {
  read(value, { member, element }) {
    if (!element) return plain(typeOf(member ?? undefined));
    if (member === "trajectory") return plain("step");
    if (member === "history") return readMessage(value, "history");
    if (member === null || member === "messages") return readMessage(value, "message");
    return plain(typeOf(member));
  },
};

function isStep(value: unknown): boolean {
  const step = objectOf(value);
  return step !== undefined && "action" in step && "observation" in step;
}

function isMessage(value: unknown): boolean {
  const message = objectOf(value);
  return typeof message?.["role"] === "string" && "content" in message;
}

/** SWE-agent and mini-swe-agent. */
export const sweAgent: Format = {
  name: "swe-agent",
  appendOnly: false,
  recalls: [],
  sniff(head) {
    const { document } = headSample(head);
    if (document.broken) return 0;
    if (document.top === "array") {
      const { elements } = document;
      return elements.length > 0 && elements.every(isMessage) ? 0.6 : 0;
    }
    const steps = document.members.get("trajectory") ?? [];
    if (steps.length > 0 && steps.every(isStep)) return 0.95;
    const { members } = document;
    // The newer files may begin with a history that fills the head.
    if (members.has("history") && members.has("environment")) return 0.7;
    return textOf(members.get("trajectory_format")?.[0])?.startsWith("mini-swe-agent") ? 0.9 : 0;
  },
  reader(options) {
    refusePath("swe-agent", options);
    return new JsonScanner(mapper, topLayout, options);
  },
};
