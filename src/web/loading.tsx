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

/**
 * Loads anew whenever one of `inputs` has changed; what is no longer wanted is aborted. What is
 * returned is of these very inputs, or said to be loading.
 */
export function useLoaded<Value>(
  load: (signal: AbortSignal) => Promise<Value>,
  inputs: readonly unknown[],
): Loaded<Value> {
  const [loaded, setLoaded] = useState<Loaded<Value> & Asked>({ ...nothing, inputs });
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    setLoaded(({ value }) => ({ value, error: undefined, loading: true, inputs }));
    load(signal).then(
      (value) => {
        if (!signal.aborted) setLoaded({ value, error: undefined, loading: false, inputs });
      },
      (error: unknown) => {
        if (!signal.aborted) setLoaded({ value: undefined, error, loading: false, inputs });
      },
    );
    return () => controller.abort();
  }, inputs);
  // Effects run after the page has been drawn: until then this is an answer to another question.
  if (inputs.every((input, index) => input === loaded.inputs[index])) return loaded;
  return { value: loaded.value, error: undefined, loading: true };
}

interface Asked {
  readonly inputs: readonly unknown[];
}

const nothing = { value: undefined, error: undefined, loading: true } as const;

/**
 * Calls `act` every `ms` while the page is looked at; not at all where `ms` is `undefined`, as it
 * is while what was begun the last time goes on: on a slow network nothing would ever arrive.
 */
export function useBeat(ms: number | undefined, act: () => void): void {
  useEffect(() => {
    if (ms === undefined) return undefined;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") act();
    }, ms);
    return () => clearInterval(timer);
  }, [ms]);
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
