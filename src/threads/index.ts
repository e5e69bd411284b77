/** Threads that help this one with a part of its work. */
export { SideThread, serve } from "./side-thread.ts";
