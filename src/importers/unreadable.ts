/**
 * The error for a file or folder that cannot be read, whoever met it: what it was, where, and what
 * can be done.
 */
import { codeOf, messageOf, ReachError } from "../base/index.ts";

const tooManyOpen: ReadonlySet<unknown> = new Set(["EMFILE", "ENFILE"]);

/** A `NOT_FOUND` or `SOURCE_UNREADABLE` for a failed system call; other errors as they are. */
export function unreadable(file: string, error: unknown): unknown {
  // Not of the file: the thread that hashes what is read has failed.
  if (codeOf(error) !== undefined) return error;
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT") {
    const hint = "check the path";
    return new ReachError("NOT_FOUND", `there is no file ${file}`, {
      cause: error,
      where: file,
      hint,
    });
  }
  return new ReachError("SOURCE_UNREADABLE", `cannot read ${file}: ${messageOf(error)}`, {
    cause: error,
    where: file,
    hint: tooManyOpen.has(code)
      ? "too many files are open: close some, or allow more (`ulimit -n`)"
      : "check its permissions, and that it is a file",
  });
}
