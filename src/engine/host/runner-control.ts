/**
 * What the engine tells the main thread of a runner process, and what that reports back. Orders for
 * sessions do not come this way: each lane has a pipe of its own.
 */
import type { GrowthLimits } from "./growth-watch.ts";

/** How often a runner says how much memory it uses, where the engine cannot see it by itself. */
export const reportRssMs = 50;

/** From the engine. A lane is named by the number of its pipe in the runner process. */
export type ControlMessage =
  /** Sent by `threads/runner-child.ts` to a runner that it starts: what it will need. */
  | { readonly kind: "ahead"; readonly threads: number; readonly contexts: string }
  | {
      readonly kind: "setup";
      readonly threads: number;
      readonly reportsRss: boolean;
      /** When a thread is ended because the process grows; missing: never. */
      readonly growth?: GrowthLimits;
    }
  | { readonly kind: "serve"; readonly pipe: number; readonly contexts: string }
  | { readonly kind: "kill"; readonly pipe: number; readonly why: string };

/** From the runner. */
export type RunnerReport =
  /** The runner ends this thread by itself; that it has ended is told when it has. */
  | { readonly kind: "ending"; readonly pipe: number; readonly why: string }
  | { readonly kind: "ended"; readonly pipe: number; readonly why: string }
  /** What keeps a thread, and for how long it has; 0 and 0 when it is over. */
  | { readonly kind: "work"; readonly pipe: number; readonly handle: number; readonly ms: number }
  | { readonly kind: "rss"; readonly bytes: number };
