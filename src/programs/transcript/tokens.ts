/**
 * Tokens and cost, counted once. Some records repeat the usage of a reply on each of its lines, and
 * a later line may know more; others carry running totals. Both are turned into increases.
 */
import { bounds } from "./bounds.ts";
import { freshen, lastIndex, plus, pushBounded } from "./entries.ts";

/** What one reply used. `input` is without what the cache gave; `cost` in USD where it is known. */
export interface Usage {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  readonly cost: number | null;
  /** How many replies these are, when it is not one. */
  readonly replies?: number;
}

/** What was counted for one id so far. */
export interface Counted {
  readonly id: string;
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite: number;
  cost: number;
}

/** The sums of a session. */
export interface Tokens {
  /** Replies of a model that were counted. */
  replies: number;
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite: number;
  /** USD; `null` while no record had a cost. */
  cost: number | null;
  /** The last few replies, by id. */
  readonly recent: Counted[];
  /** The last value of each running total. */
  readonly totals: Counted[];
}

/** Nothing used. */
export function emptyTokens(): Tokens {
  const none = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };
  return { replies: 0, ...none, cost: null, recent: [], totals: [] };
}

/**
 * Adds the usage of a reply. With an id that was seen lately only what is more than before.
 * Returns whether it was a reply that had not been counted yet.
 */
export function addUsage(tokens: Tokens, id: string | null, usage: Usage): boolean {
  const index = id === null ? -1 : lastIndex(tokens.recent, "id", id);
  const known = tokens.recent[index];
  if (known) {
    addIncrease(tokens, known, usage);
    freshen(tokens.recent, index);
    return false;
  }
  if (isNothing(usage)) return false;
  const counted = nothingFor(id ?? "");
  addIncrease(tokens, counted, usage);
  tokens.replies = plus(tokens.replies, usage.replies ?? 1);
  if (id !== null) pushBounded(tokens.recent, counted, bounds.repliesKept);
  return true;
}

/** Takes the next value of the running total `id`; a smaller one means that it began anew. */
export function addTotal(tokens: Tokens, id: string, usage: Usage): void {
  const index = lastIndex(tokens.totals, "id", id);
  let last = tokens.totals[index];
  if (last) freshen(tokens.totals, index);
  else {
    last = nothingFor(id);
    pushBounded(tokens.totals, last, bounds.totalsKept);
  }
  if (sum(usage) < sum(last)) Object.assign(last, nothingFor(id));
  if (sum(usage) > sum(last)) tokens.replies = plus(tokens.replies, 1);
  addIncrease(tokens, last, usage);
}

function addIncrease(tokens: Tokens, counted: Counted, usage: Usage): void {
  tokens.input = plus(tokens.input, Math.max(0, usage.input - counted.input));
  tokens.output = plus(tokens.output, Math.max(0, usage.output - counted.output));
  tokens.cacheRead = plus(tokens.cacheRead, Math.max(0, usage.cacheRead - counted.cacheRead));
  tokens.cacheWrite = plus(tokens.cacheWrite, Math.max(0, usage.cacheWrite - counted.cacheWrite));
  if (usage.cost !== null) {
    tokens.cost = (tokens.cost ?? 0) + Math.max(0, usage.cost - counted.cost);
    counted.cost = Math.max(counted.cost, usage.cost);
  }
  counted.input = Math.max(counted.input, usage.input);
  counted.output = Math.max(counted.output, usage.output);
  counted.cacheRead = Math.max(counted.cacheRead, usage.cacheRead);
  counted.cacheWrite = Math.max(counted.cacheWrite, usage.cacheWrite);
}

function nothingFor(id: string): Counted {
  return { id, input: 0, output: 0, cacheRead: 0, cacheWrite: 0, cost: 0 };
}

function sum(usage: Omit<Usage, "cost" | "replies">): number {
  return usage.input + usage.output + usage.cacheRead + usage.cacheWrite;
}

function isNothing(usage: Usage): boolean {
  return sum(usage) === 0 && (usage.cost ?? 0) === 0;
}
