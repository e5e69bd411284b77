/**
 * The clock that all processes of one machine share, so that a moment in a runner can be held
 * against one in the engine's process.
 */
import process from "node:process";

/** Milliseconds that only go forward, counted from some moment before this machine's last start. */
export function machineNow(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
