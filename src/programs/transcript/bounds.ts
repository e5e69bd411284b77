/**
 * How much the state of `transcript` keeps, in one place, units last. Together they hold the
 * encoded state below 256 KiB at any length of a session; a test fills every list to prove it.
 */
export const bounds = {
  titleBytesMax: 300,
  messageBytesMax: 400,
  errorBytesMax: 300,
  /** Names of tools, models, event types, roles; ids of calls, sessions and messages. */
  nameBytesMax: 96,
  idBytesMax: 128,
  pathBytesMax: 200,

  messagesKept: 10,
  errorsKept: 10,
  unparsedKept: 10,
  rolesMax: 16,
  modelsMax: 16,
  typesMax: 128,
  toolsMax: 64,
  callsOpenMax: 128,
  callsSlowestKept: 10,
  filesMax: 512,
  /** Session ids remembered to tell a new session from one that comes back. */
  sessionsKept: 16,
  /** Replies whose usage may still be repeated or grow: their lines follow each other closely. */
  repliesKept: 32,
  totalsKept: 16,
  gapsKept: 10,
  /** A pause between two events above this is idle time. */
  gapMsMin: 60_000,
  /** Records looked at before a session counts as one of no known format. */
  recordsTriedMax: 16,
} as const;
