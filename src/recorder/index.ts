/** The recorder: for code that runs outside of Reach, and wants to be run again. */
export { Recording } from "./recording.ts";
export { Rerun, type RerunOptions, type RerunReport } from "./rerun.ts";
