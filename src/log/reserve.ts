/**
 * Room kept free on the disk, so that what the journal has acknowledged can be written to its place
 * when the disk is full. Spent by removing the file, filled again before the next group.
 */
import { type Disk, temporarySuffix } from "../disk/index.ts";

const stepBytes = 1024 * 1024;

/** The file `reserve` in the journal's folder. */
export class Reserve {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #bytes: number;
  #full = false;

  constructor(disk: Disk, folder: string, bytes: number) {
    this.#disk = disk;
    this.#path = `${folder}/reserve`;
    this.#bytes = bytes;
  }

  /** Makes sure the room is kept. Throws `DISK_FULL` when there is none, leaving nothing behind. */
  async fill(): Promise<void> {
    if (this.#full) return;
    if (!this.#disk.exists(this.#path)) await this.#create();
    this.#full = true;
  }

  async #create(): Promise<void> {
    const temporary = this.#path + temporarySuffix;
    this.#disk.remove(temporary);
    const file = this.#disk.open(temporary, "create");
    try {
      const zeros = new Uint8Array(Math.min(stepBytes, this.#bytes));
      for (let at = 0; at < this.#bytes; at += zeros.length) file.write(zeros, at);
      await file.sync();
    } catch (error) {
      file.close();
      this.#disk.remove(temporary);
      throw error;
    }
    file.close();
    this.#disk.rename(temporary, this.#path);
  }

  /** Gives the room free. */
  spend(): void {
    this.#disk.remove(this.#path);
    this.#full = false;
  }
}
