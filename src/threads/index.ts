/** Threads that help this one, and the files of the build that they and others are loaded from. */
export { builtFile } from "./built-file.ts";
export { SideThread, serve } from "./side-thread.ts";
