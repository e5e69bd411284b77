/** Threads and processes that this one has beside it. */
export { endRunnerAhead, startRunnerAhead, takeRunnerChild } from "./runner-child.ts";
export {
  type Answering,
  type SharedMemory,
  SideThread,
  type SideThreadOptions,
  serve,
} from "./side-thread.ts";
