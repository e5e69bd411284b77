/**
 * Clicks on things that stand for events, of which there are a thousand: one listener around them
 * all, which reads the seq off what was hit.
 */
import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";

/** Calls `select` with the seq of what is clicked inside of `around`, by its `data-seq`. */
export function useSeqClicks(
  around: RefObject<Element | null>,
  select: (seq: number) => void,
): void {
  useEffect(() => {
    const { current } = around;
    const onClick = ({ target }: Event): void => {
      const hit = target instanceof Element ? target.closest("[data-seq]") : null;
      const seq = hit?.getAttribute("data-seq");
      if (seq != null) select(Number(seq));
    };
    current?.addEventListener("click", onClick);
    return () => current?.removeEventListener("click", onClick);
  });
}
