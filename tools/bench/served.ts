// A server that is measured from outside: its process, where it listens, what memory it takes.

import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import * as http from "node:http";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const file = fileURLToPath(new URL("server-process.js", import.meta.url));

/** A server in a process of its own. */
export class ServedProcess {
  readonly url: string;
  /** The bare server beside it. */
  readonly floor: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, places: { url: string; floor: string }) {
    this.#child = child;
    this.url = places.url;
    this.floor = places.floor;
  }

  /** Serves the data directory `root`, and the files in the folder `files`. */
  static async start(root: string, files = root): Promise<ServedProcess> {
    const args = [file, root, files];
    const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
    const lines = createInterface({ input: child.stdout });
    const { value } = await lines[Symbol.asyncIterator]().next();
    return new ServedProcess(child, JSON.parse(String(value)) as { url: string; floor: string });
  }

  /** Memory of the process now, and the most it ever had, in bytes. */
  memory(): { rss: number; peak: number } {
    const text = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    const bytes = (name: string): number =>
      1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1]);
    return { rss: bytes("VmRSS"), peak: bytes("VmHWM") };
  }

  async stop(): Promise<void> {
    const over = new Promise((resolve) => this.#child.once("close", resolve));
    this.#child.stdin?.end();
    await over;
  }
}

/** Fetches over kept connections; resolves with the size of the body. */
export function fetchSize(
  agent: http.Agent,
  url: string,
  headers: Record<string, string> = {},
  take: (bytes: Buffer) => void = () => {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { agent, headers }, (response) => {
      let size = 0;
      response.on("data", (bytes: Buffer) => {
        size += bytes.length;
        take(bytes);
      });
      response.on("end", () => {
        if (response.statusCode === 200) resolve(size);
        else reject(new Error(`${url} answers ${response.statusCode}`));
      });
      response.on("error", reject);
    });
    request.on("error", reject);
  });
}
