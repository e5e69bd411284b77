/**
 * The commands in the order of the help, with what the overview says about them. A command's file
 * is loaded only when it is called: that keeps the start fast.
 */
import type { CommandDefinition } from "./command.ts";

/** A command before it is loaded. */
export interface CatalogueEntry {
  readonly name: string;
  readonly summary: string;
  /** Whether it can ask a server instead of the data directory. */
  readonly remote?: true;
  /** Whether it runs sessions in processes: the first can start while it is loaded. */
  readonly runner?: true;
  load(): Promise<CommandDefinition>;
}

/** All commands. */
export const catalogue: readonly CatalogueEntry[] = [
  {
    name: "import",
    summary: "take in transcripts: files, folders, or - for standard input",
    remote: true,
    load: async () => (await import("./commands/import.ts")).importCommand,
  },
  {
    name: "ls",
    summary: "list the sessions, the newest first",
    remote: true,
    load: async () => (await import("./commands/ls.ts")).lsCommand,
  },
  {
    name: "show",
    summary: "one session at a glance",
    remote: true,
    load: async () => (await import("./commands/show.ts")).showCommand,
  },
  {
    name: "events",
    summary: "the events of a session or of a bundle",
    remote: true,
    load: async () => (await import("./commands/events.ts")).eventsCommand,
  },
  {
    name: "tail",
    summary: "the last events of a session, and those to come",
    remote: true,
    load: async () => (await import("./commands/tail.ts")).tailCommand,
  },
  {
    name: "state",
    summary: "the state after a number of events",
    remote: true,
    load: async () => (await import("./commands/state.ts")).stateCommand,
  },
  {
    name: "replay",
    summary: "run the program again and compare the states",
    remote: true,
    load: async () => (await import("./commands/replay.ts")).replayCommand,
  },
  {
    name: "verify",
    summary: "check that nothing was changed or cut off",
    remote: true,
    load: async () => (await import("./commands/verify.ts")).verifyCommand,
  },
  {
    name: "diff",
    summary: "where two sessions part",
    load: async () => (await import("./commands/diff.ts")).diffCommand,
  },
  {
    name: "export",
    summary: "the original bytes, a bundle, a page, NDJSON or tiles",
    load: async () => (await import("./commands/export.ts")).exportCommand,
  },
  {
    name: "backup",
    summary: "everything to another folder, also while it is written; again, what is new",
    load: async () => (await import("./commands/backup.ts")).backupCommand,
  },
  {
    name: "rm",
    summary: "remove sessions",
    load: async () => (await import("./commands/rm.ts")).rmCommand,
  },
  {
    name: "gc",
    summary: "give back the room of payloads that no session names",
    load: async () => (await import("./commands/gc.ts")).gcCommand,
  },
  {
    name: "blob",
    summary: "large payloads by their SHA-256",
    load: async () => (await import("./commands/blob.ts")).blobCommand,
  },
  {
    name: "run",
    summary: "run one session of a program, here and now",
    load: async () => (await import("./commands/run.ts")).runCommand,
  },
  {
    name: "trigger",
    summary: "begin a session of a program on a server",
    remote: true,
    load: async () => (await import("./commands/trigger.ts")).triggerCommand,
  },
  {
    name: "send",
    summary: "give an input to a session that a server runs",
    remote: true,
    load: async () => (await import("./commands/send.ts")).sendCommand,
  },
  {
    name: "cancel",
    summary: "end a session that a program runs in",
    remote: true,
    load: async () => (await import("./commands/cancel.ts")).cancelCommand,
  },
  {
    name: "fork",
    summary: "a new session from the beginning of another one, with other results",
    load: async () => (await import("./commands/fork.ts")).forkCommand,
  },
  {
    name: "serve",
    summary: "the HTTP server: sessions for everybody who has a token",
    runner: true,
    load: async () => (await import("./commands/serve.ts")).serveCommand,
  },
  {
    name: "token",
    summary: "who may ask the server: create, list, revoke tokens",
    load: async () => (await import("./commands/token.ts")).tokenCommand,
  },
  {
    name: "doctor",
    summary: "the data directory, its health, the settings",
    load: async () => (await import("./commands/doctor.ts")).doctorCommand,
  },
  {
    name: "demo",
    summary: "see all of it work on generated data",
    load: async () => (await import("./commands/demo.ts")).demoCommand,
  },
  {
    name: "bench",
    summary: "how fast this machine and its disk make it",
    load: async () => (await import("./commands/bench.ts")).benchCommand,
  },
];
