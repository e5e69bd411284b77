/**
 * A check that a worker carries out: starting it, how far it is, and its verdict in words. Good is
 * only what is intact, complete, and signed by a key that was not brought along.
 */
import { useEffect, useState } from "preact/hooks";
import type { BundleReport } from "../session/index.ts";
import type { CheckNews, CheckOrder } from "./verify-worker.ts";
import { byteSize, count } from "./wording.ts";

/** How a check stands; `undefined` before there is one. */
export type Checking = CheckNews | undefined;

/** What starts a check, and how it stands. A new one takes the place of the one before. */
export function useCheck(): readonly [Checking, (order: CheckOrder | undefined) => void] {
  const [order, setOrder] = useState<CheckOrder>();
  const [checking, setChecking] = useState<Checking>();
  useEffect(() => {
    setChecking(order && { done: 0 });
    if (!order) return undefined;
    const worker = new Worker("/ui/verify-worker.js", { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<CheckNews>) => setChecking(data);
    worker.onerror = ({ message }) => setChecking({ failed: message || "the worker failed" });
    worker.postMessage(order);
    return () => worker.terminate();
  }, [order]);
  return [checking, setOrder];
}

/** How a check stands, for people. */
export function CheckOutcome({ checking }: { readonly checking: Checking }) {
  if (!checking) return null;
  if ("done" in checking) return <span class="dim">{byteSize(checking.done)} checked …</span>;
  if ("failed" in checking) return <span class="failure">{checking.failed}</span>;
  return <Verdict report={checking.report} />;
}

/** What verifying found. Good is what is intact, complete, and signed by a key that was given. */
export function Verdict({ report }: { readonly report: BundleReport }) {
  const { integrity, completeness, keyFrom, problems } = report;
  const good = integrity === "intact" && completeness === "complete";
  const word = !good ? "bad" : keyFrom === "given" ? "good" : "unsure";
  return (
    <span class={`verdict ${word}`}>
      {verdictText(report)}
      {problems.slice(0, 3).map(({ message }) => (
        <span key={message} class="problem">
          {message}
        </span>
      ))}
    </span>
  );
}

function verdictText(report: BundleReport): string {
  const { integrity, completeness, events, withheld, bytes, keyFrom, name, id, firstBad } = report;
  const parts = [
    `${integrity}, ${completeness}`,
    `${count(events)} events${withheld > 0 ? ` and ${count(withheld)} withheld` : ""}`,
    `${byteSize(bytes)} of ${name || id}`,
  ];
  if (firstBad !== null) parts.push(`first bad event ${count(firstBad)}`);
  if (keyFrom === "bundle")
    parts.push("signed by the key that it brings along, which may be anybody's");
  return parts.join(" · ");
}
