/**
 * Types of events as people name them on the command line, by themselves or with others at once:
 * `*` stands for anything, also for nothing.
 */

/** What matches the types that `type` stands for. */
export function typePattern(type: string): RegExp {
  const parts = type.split("*").map((part) => part.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "su");
}
