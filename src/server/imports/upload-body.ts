/**
 * The body of an import on its way from the socket to the spool, as fast as that takes it. However
 * long it is, it may come, as long as it comes: whoever brings nearly nothing for long is cut off.
 */
import type { Readable } from "node:stream";
import type { UploadSpool } from "./upload-spool.ts";

/** What a client brings at least in each span of time, while it is waited for. */
const spanBytesMin = 64 * 1024;

/** Why a body ended before its end. */
export type CutReason = "gone" | "slow" | "stopping";

/** A body that is being received. */
export class UploadBody {
  readonly #body: Readable;
  readonly #spool: UploadSpool;
  readonly #onCut: (why: CutReason) => void;
  readonly #timer: ReturnType<typeof setInterval>;
  /** What had arrived when the span began. */
  #before = 0;
  /** Whether it has been waited for without a break since then. */
  #awaited = true;
  #over = false;
  /** Of what has been taken last. */
  #writing: Promise<void> = Promise.resolve();

  /** Begins to receive; `onCut` is called once where the body does not come to its end. */
  constructor(
    body: Readable,
    spool: UploadSpool,
    options: { readonly stalledMs: number; readonly onCut: (why: CutReason) => void },
  ) {
    this.#body = body;
    this.#spool = spool;
    this.#onCut = options.onCut;
    this.#timer = setInterval(() => this.#look(), options.stalledMs);
    this.#timer.unref();
    body.on("data", this.#take).on("end", this.#whole).on("error", this.#gone);
    body.on("close", this.#gone);
    if (body.readableEnded) this.#whole();
    else if (body.destroyed) this.#gone();
  }

  readonly #take = (bytes: Uint8Array): void => {
    this.#body.pause();
    if (this.#spool.ahead) this.#awaited = false;
    this.#writing = this.#spool.write(bytes).then(
      () => {
        if (!this.#over) this.#body.resume();
      },
      (error: unknown) => {
        this.stop();
        this.#spool.fail(error);
      },
    );
    if (this.#spool.ahead) this.#awaited = false;
  };

  readonly #whole = (): void => {
    if (this.#over) return;
    this.stop();
    // Its end may come while its last bytes are on their way.
    void this.#writing.then(() => this.#spool.end("whole"));
  };

  readonly #gone = (): void => this.cut("gone");

  #look(): void {
    const { written, ahead } = this.#spool;
    const idle = this.#awaited && !ahead && written - this.#before < spanBytesMin;
    this.#before = written;
    this.#awaited = !ahead;
    if (idle) this.cut("slow");
  }

  /** Takes nothing more of it. */
  cut(why: CutReason): void {
    if (this.#over) return;
    this.stop();
    this.#onCut(why);
    this.#spool.end("cut");
  }

  /** Nobody wants more of it: what still comes is not taken. The connection stays as it is. */
  stop(): void {
    this.#over = true;
    clearInterval(this.#timer);
    this.#body.off("data", this.#take).off("end", this.#whole).off("close", this.#gone);
    // Without a listener an error would end the process.
    this.#body.on("error", () => {});
    this.#body.off("error", this.#gone);
  }
}
