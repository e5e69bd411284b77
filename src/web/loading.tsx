/**
 * What is on its way from the server: the value, the error, and whether it is still awaited. What
 * nobody waits for any more is aborted, and never shown.
 */
import { useEffect, useState } from "preact/hooks";
import { codeOf, messageOf } from "../base/index.ts";

/** Something that is loaded. */
export interface Loaded<Value> {
  /** The newest that has arrived; the one before stays while the next is on its way. */
  readonly value: Value | undefined;
  readonly error: unknown;
  readonly loading: boolean;
}

/** Loads anew whenever one of `inputs` has changed; what is no longer wanted is aborted. */
export function useLoaded<Value>(
  load: (signal: AbortSignal) => Promise<Value>,
  inputs: readonly unknown[],
): Loaded<Value> {
  const [loaded, setLoaded] = useState<Loaded<Value>>(nothing);
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    setLoaded(({ value }) => ({ value, error: undefined, loading: true }));
    load(signal).then(
      (value) => {
        if (!signal.aborted) setLoaded({ value, error: undefined, loading: false });
      },
      (error: unknown) => {
        if (!signal.aborted) setLoaded({ value: undefined, error, loading: false });
      },
    );
    return () => controller.abort();
  }, inputs);
  return loaded;
}

const nothing = { value: undefined, error: undefined, loading: true } as const;

/** Counts up every `ms` while the page is looked at; stands still where `ms` is `undefined`. */
export function useBeat(ms: number | undefined): number {
  const [beat, setBeat] = useState(0);
  useEffect(() => {
    if (ms === undefined) return undefined;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") setBeat((before) => before + 1);
    }, ms);
    return () => clearInterval(timer);
  }, [ms]);
  return beat;
}

/** An error for people: what happened, what to do, and its code. */
export function Failure({ error }: { readonly error: unknown }) {
  if (error === undefined) return null;
  const { hint } = (error ?? {}) as { readonly hint?: unknown };
  return (
    <p class="failure" role="alert">
      {messageOf(error)} {typeof hint === "string" && <span class="hint">{hint}</span>}{" "}
      <code>{codeOf(error) ?? ""}</code>
    </p>
  );
}
