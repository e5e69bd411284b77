/**
 * What an import is asked for and what it tells afterwards: the options and the report, as the
 * library and the command line pass them on.
 */
import type { SessionId } from "../base/index.ts";
import type { NotedProblem } from "../session/index.ts";
import type { Source } from "./source.ts";

/** What to import, and how. */
export interface ImportOptions {
  readonly source: Source;
  /** A name of `formats`; without it the content decides. */
  readonly format?: string;
  /** Array of a JSON document whose elements are the records. */
  readonly path?: string;
  /** Id of the session to make or to continue. */
  readonly id?: SessionId;
  /** Never continue an earlier import. */
  readonly fresh?: boolean;
  /** Called now and then with the bytes read and the records kept. */
  readonly onProgress?: (progress: { bytes: number; records: number }) => void;
  /** Ends the import at an acknowledged point. */
  readonly signal?: AbortSignal;
  /**
   * Nothing of it can be read, or survives a crash, before it has ended: where a crash in the
   * middle is to leave nothing that the same source would not go on with.
   */
  readonly asWhole?: boolean;
  /** Awaited between small pieces of work: leaves the thread to others. */
  readonly turn?: () => Promise<void>;
}

/** What an import did. */
export interface ImportReport {
  readonly id: SessionId;
  readonly format: string;
  /** Records that this import added. */
  readonly records: number;
  /** Events of the session now. */
  readonly events: number;
  /** Bytes of the source up to where it has been imported. */
  readonly bytes: number;
  readonly seconds: number;
  /** Events that were there before; `null` for a new session. */
  readonly continuedFrom: number | null;
  /** The very same source had been imported before: nothing was added. */
  readonly unchanged: boolean;
  readonly interrupted: boolean;
  readonly root: string;
  readonly blobs: { readonly count: number; readonly bytes: number; readonly storedBytes: number };
  /** The first 100 problems. */
  readonly problems: readonly NotedProblem[];
  readonly problemCount: number;
  readonly unparsed: number;
  readonly fragments: number;
}
