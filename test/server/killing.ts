/**
 * A real `reach serve` that is killed while producers append and observers tail. Producers number
 * their appends and send again what was not answered; observers come back with the last id they
 * have. Afterwards everybody has the same transcript, without a gap and without a repetition.
 */
import { type ChildProcess, spawn } from "node:child_process";
import * as net from "node:net";
import { expect } from "vitest";
import { mainFile } from "../cli/reach-command.ts";
import { Observer } from "./tailing.ts";

/** A server process on a port of its own. */
export class ServerProcess {
  readonly data: string;
  readonly port: number;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;
  stderr = "";

  /** `args`: more of the command line. */
  constructor(data: string, port: number, args: readonly string[] = []) {
    this.#args = args;
    this.data = data;
    this.port = port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Starts it; resolves when it takes requests. */
  async start(): Promise<void> {
    const args = [mainFile, "serve", "--data", this.data, "--port", String(this.port)];
    const child = spawn(process.execPath, [...args, "--log", "warn", ...this.#args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    await new Promise<void>((resolve, reject) => {
      child.stdout?.setEncoding("utf8").on("data", (text: string) => {
        if (text.includes("listening on")) resolve();
      });
      child.once("exit", () => reject(new Error(`it did not start: ${this.stderr}`)));
    });
  }

  /** Its process, while it runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Ends it with a signal; resolves with its exit code when it is gone. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null) return child?.exitCode ?? null;
    const gone = new Promise<number | null>((resolve) => child.once("exit", resolve));
    child.kill(signal);
    return gone;
  }
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Appends numbered batches to a session until all have been answered. */
async function produce(url: string, id: string, name: string, batches: number): Promise<void> {
  for (let sequence = 0; sequence < batches; ) {
    const events = [0, 1, 2].map((i) => ({ type: name, data: { n: 3 * sequence + i } }));
    try {
      const answer = await fetch(`${url}/v1/sessions/${id}/events`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          "producer-id": name,
          "producer-epoch": "0",
          "producer-seq": String(sequence),
        },
        body: JSON.stringify(events),
      });
      await answer.arrayBuffer();
      if (answer.status === 200 || answer.status === 201) sequence += 1;
      else if (answer.status < 500) throw new Refused(`append ${sequence}: ${answer.status}`);
    } catch (error) {
      if (error instanceof Refused) throw error;
      await pause(20);
    }
  }
}

class Refused extends Error {}

/** Tails a session through as many connections as it takes to have `size` events. */
async function observe(url: string, id: string, size: number): Promise<number[]> {
  const seqs: number[] = [];
  while (seqs.length < size) {
    const last = seqs.at(-1);
    const headers = last === undefined ? {} : { "last-event-id": String(last) };
    const observer = new Observer(`${url}/v1/sessions/${id}/tail`, headers);
    await observer.until(() => observer.ended || seqs.length + observer.seqs.length >= size);
    seqs.push(...observer.seqs);
    observer.drop();
    if (seqs.length < size) await pause(20);
  }
  return seqs;
}

/** Kills the server `kills` times under `sessions` producers and as many observers. */
export async function killServer(
  data: string,
  { sessions, batches, kills }: { sessions: number; batches: number; kills: number },
): Promise<void> {
  const server = new ServerProcess(data, await freePort());
  await server.start();
  const { url } = server;
  const ids: string[] = [];
  for (let i = 0; i < sessions; i++) {
    const answer = await fetch(`${url}/v1/sessions`, {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": `session-${i}` },
      body: JSON.stringify({ events: [{ type: "first" }] }),
    });
    ids.push(((await answer.json()) as { id: string }).id);
  }
  const size = 1 + 3 * batches;
  const observing = ids.map((id) => observe(url, id, size));
  const producing = ids.map((id, i) => produce(url, id, `producer-${i}`, batches));
  let done = false;
  const finished = Promise.all(producing).then(() => {
    done = true;
  });
  for (let kill = 0; kill < kills && !done; kill++) {
    await pause(150 + 100 * (kill % 4));
    await server.end("SIGKILL");
    await server.start();
  }
  await finished;
  const whole = Array.from({ length: size }, (_, i) => i);
  for (const seqs of await Promise.all(observing)) expect(seqs).toEqual(whole);
  for (const id of ids) await checkTranscript(url, id, batches);
  expect(await server.end("SIGTERM"), server.stderr).toBe(0);
}

/** What was appended is there once, in order. */
async function checkTranscript(url: string, id: string, batches: number): Promise<void> {
  const numbers: number[] = [];
  for (let after = 0, more = true; more; ) {
    const answer = await fetch(`${url}/v1/sessions/${id}/events?after=${after}`);
    const page = (await answer.json()) as {
      events: { data: { n: number } }[];
      next: number;
      more: boolean;
    };
    numbers.push(...page.events.map(({ data }) => data.n));
    ({ next: after, more } = page);
  }
  expect(numbers).toEqual(Array.from({ length: 3 * batches }, (_, i) => i));
}
