/**
 * One observer who tails a session, on one socket. It is live while it takes what it is given; when
 * too much waits for it, it is on its own until it has caught up; when it takes nothing for too
 * long, it is cut, and where to resume is the last thing it is told.
 */
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import {
  controlEvent,
  heartbeat,
  retryLine,
  type TailBytes,
  type TailControl,
  type TailFormat,
  tailBytes,
} from "./tail-format.ts";
import type { TailPiece, TailSource } from "./tail-source.ts";

/** After a tail was told that it is cut, it has so long to read that. */
const farewellMs = 2000;

/** One tail. */
export class Tail {
  readonly format: TailFormat;
  readonly #source: TailSource;
  readonly #response: ServerResponse;
  readonly #socket: Socket;
  readonly #chunked: boolean;
  readonly #queueBytesMax: number;
  readonly #onEnd: () => void;
  #next: number;
  #live = false;
  #ended = false;
  #wake: (() => void) | undefined;
  /** When something was last written, and when the socket was last seen to take something. */
  #wroteAt = performance.now();
  #tookAt = performance.now();
  #taken = 0;

  /** `response` has sent its head. The tail begins at `from`; `onEnd` is called when it is over. */
  constructor(
    source: TailSource,
    response: ServerResponse,
    options: {
      readonly from: number;
      readonly format: TailFormat;
      readonly queueBytesMax: number;
      readonly onEnd: () => void;
    },
  ) {
    this.#source = source;
    this.#response = response;
    this.#socket = response.socket as Socket;
    this.#chunked = response.chunkedEncoding;
    this.format = options.format;
    this.#queueBytesMax = options.queueBytesMax;
    this.#onEnd = options.onEnd;
    this.#next = options.from;
    response.once("close", () => this.#over());
    this.#socket.on("drain", this.#onDrain);
    this.#write(tailBytes(retryLine));
  }

  /** Id of the session that is tailed. */
  get sessionId(): string {
    return this.#source.id;
  }

  /** Sends everything from where it begins; afterwards it is live. */
  begin(): void {
    this.#catchUp().catch(() => this.cut("damaged"));
  }

  async #catchUp(): Promise<void> {
    this.#source.begin();
    while (!this.#ended && this.#next < this.#source.position) {
      const { bytes, next } = this.#source.piece(this.format, this.#next);
      this.#write(bytes);
      this.#next = next;
      if (next === this.#source.position && this.#waiting === 0) continue;
      if (this.#waiting > 0) await this.#drained();
      // Others get their turn between two pieces.
      else await new Promise((resolve) => setImmediate(resolve));
    }
    if (this.#ended) return;
    if (this.#source.endedBefore(this.#next)) {
      this.#close({ next: this.#next, upToDate: true, closed: true });
      return;
    }
    this.#control({ next: this.#next, upToDate: true });
    this.#live = true;
    this.#source.join(this);
  }

  /** Takes the next events; called while it is live, without a gap. */
  push({ bytes, next }: TailPiece): void {
    this.#write(bytes);
    this.#next = next;
    if (this.#source.endedBefore(next)) {
      this.#close({ next, upToDate: true, closed: true });
      return;
    }
    if (this.#waiting <= this.#queueBytesMax) return;
    this.#live = false;
    this.#source.leave(this);
    this.#drained()
      .then(() => this.#catchUp())
      .catch(() => this.cut("damaged"));
  }

  /** From time to time: says something if nothing was said, cuts whoever takes nothing. */
  look(
    now: number,
    { heartbeatMs, slowReaderMs }: { heartbeatMs: number; slowReaderMs: number },
  ): void {
    const taken = this.#socket.bytesWritten - this.#waiting;
    if (this.#waiting === 0 || taken > this.#taken) this.#tookAt = now;
    this.#taken = taken;
    if (now - this.#tookAt >= slowReaderMs) this.cut("slow");
    else if (now - this.#wroteAt >= heartbeatMs && this.#waiting === 0) this.#write(heartbeat);
  }

  /** Ends the tail with the place to resume. */
  cut(why: NonNullable<TailControl["cut"]>): void {
    this.#close({ next: this.#next, cut: why });
  }

  #close(control: TailControl): void {
    if (this.#ended) return;
    this.#control(control);
    this.#over();
    this.#response.end();
    // Whoever reads nothing does not keep the connection.
    const farewell = setTimeout(() => this.#socket.destroy(), farewellMs);
    farewell.unref();
    this.#response.once("finish", () => clearTimeout(farewell));
    this.#response.once("close", () => clearTimeout(farewell));
  }

  #over(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#live) this.#source.leave(this);
    this.#live = false;
    this.#socket.off("drain", this.#onDrain);
    this.#wake?.();
    this.#onEnd();
  }

  #control(control: TailControl): void {
    this.#write(tailBytes(controlEvent(control)));
  }

  #write({ plain, chunked }: TailBytes): void {
    if (this.#ended || this.#socket.destroyed) return;
    // Past the response, whose framing would be made for each tail anew.
    this.#socket.write(this.#chunked ? chunked : plain);
    this.#wroteAt = performance.now();
  }

  get #waiting(): number {
    return this.#socket.writableLength;
  }

  /** Resolves when the socket has taken everything, or the tail is over. */
  #drained(): Promise<void> {
    if (this.#ended || !this.#socket.writableNeedDrain) {
      return new Promise((resolve) => setImmediate(resolve));
    }
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  readonly #onDrain = (): void => {
    this.#wake?.();
    this.#wake = undefined;
  };
}
