/**
 * The recorder against a server: the code that it is given to cannot tell it from one that records
 * into a data directory, and the log that comes out is the same.
 */
import {
  newSessionId,
  ReachError,
  type SessionId,
  sessionIdBytes,
  systemClock,
  systemEntropy,
} from "../base/index.ts";
import { EventRecorder, type OpenCall } from "../recording/index.ts";
import type { ResumedInfo } from "./answers.ts";
import { Outbox, recordingProducer } from "./outbox.ts";
import type { Requests } from "./requests.ts";

/** How a session is recorded. */
export interface RecorderOptions {
  /**
   * How long an event is tried to be sent, in milliseconds, while the server cannot be reached, is
   * busy or starts again. Default 120,000.
   */
  readonly patienceMs?: number;
}

/** A session that is to be recorded. */
export interface NewRecording extends RecorderOptions {
  /** What people call it, at most 256 characters. */
  readonly name?: string;
  /** A UUID in lower case; default: a new one. */
  readonly id?: SessionId;
}

const patienceMsDefault = 120_000;
const nameCharsMax = 256;
/** The first epoch of a recording is drawn: two that begin under one id are told apart by it. */
const epochBytes = 5;

/** A session of a server that is being recorded. Made by `ReachClient.recorder` and `resume`. */
export class RemoteRecording extends EventRecorder {
  readonly id: SessionId;
  /**
   * The effects that were under way when the process ended whose recording goes on here: whether
   * they did anything, only the other side knows. Empty for a new session.
   */
  readonly leftOpen: readonly OpenCall[];
  readonly #requests: Requests;
  readonly #outbox: Outbox;
  readonly #patienceMs: number;
  #closing: Promise<void> | undefined;

  private constructor(
    requests: Requests,
    outbox: Outbox,
    { id, leftOpen, patienceMs }: Pick<RemoteRecording, "id" | "leftOpen"> & Patience,
  ) {
    super(outbox);
    this.id = id;
    this.leftOpen = leftOpen;
    this.#requests = requests;
    this.#outbox = outbox;
    this.#patienceMs = patienceMs;
  }

  /** A new session, which exists once its first event is durable. See `ReachClient.recorder`. */
  static begin(requests: Requests, options: NewRecording): RemoteRecording {
    const { name = "", id = newSessionId(systemClock, systemEntropy) } = options;
    const { patienceMs } = checkedPatience(options);
    sessionIdBytes(id);
    if (name.length > nameCharsMax) {
      throw new ReachError("USAGE", `a name of ${name.length} characters is too long`, {
        hint: `at most ${nameCharsMax}`,
      });
    }
    const epoch = systemEntropy(epochBytes).reduce((number, byte) => number * 256 + byte, 0);
    const session = { id, begins: { name }, epoch, sequence: 0, size: 0, patienceMs };
    const outbox = new Outbox(requests, session);
    return new RemoteRecording(requests, outbox, { id, leftOpen: [], patienceMs });
  }

  /** Goes on with a session. See `ReachClient.resume`. */
  static async resume(
    requests: Requests,
    id: SessionId,
    options: RecorderOptions,
  ): Promise<RemoteRecording> {
    const { patienceMs } = checkedPatience(options);
    sessionIdBytes(id);
    const { epoch, sequence, size, leftOpen } = await requests.json<ResumedInfo>(
      `/v1/sessions/${id}/resume`,
      { method: "POST", body: { producer: recordingProducer }, patienceMs },
      (answer) => {
        const numbers = [answer.epoch, answer.sequence, answer.size];
        return numbers.every(Number.isSafeInteger) && Array.isArray(answer.leftOpen);
      },
    );
    const outbox = new Outbox(requests, { id, epoch, sequence, size, patienceMs });
    return new RemoteRecording(requests, outbox, { id, leftOpen, patienceMs });
  }

  /**
   * Ends the recording: everything that was appended and answered is durable, and the server has
   * signed it. Throws why something could not be recorded.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.answered();
    await this.#outbox.close();
    // As one that is recorded here, a session without events has never been.
    if (!this.#outbox.hasBegun) return;
    const asking = { method: "POST", patienceMs: this.#patienceMs } as const;
    await this.#requests.whole(`/v1/sessions/${this.id}/checkpoint`, asking);
  }
}

type Patience = Required<RecorderOptions>;

/** Throws `USAGE` for what is no time to wait. */
function checkedPatience({ patienceMs = patienceMsDefault }: RecorderOptions): Patience {
  if (patienceMs >= 0) return { patienceMs };
  throw new ReachError("USAGE", `${patienceMs} is no time to wait, in milliseconds`);
}
