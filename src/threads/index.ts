/** Threads that help this one with a part of its work. */
export {
  type Answering,
  SideThread,
  type SideThreadOptions,
  serve,
} from "./side-thread.ts";
