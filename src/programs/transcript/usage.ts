/**
 * Usage in the shapes that models and tools report it. They disagree on whether `input` holds what
 * the cache gave; here it never does, so sums over several shapes mean one thing.
 */
import { costOf, countOf, isMembers, type Members, membersOf } from "./shape.ts";
import type { Usage } from "./tokens.ts";

/** Usage in any of the known shapes, or `undefined`. `cost` is one that stands beside it. */
export function usageIn(value: unknown, cost?: unknown): Usage | undefined {
  if (!isMembers(value)) return undefined;
  const known = costOf(cost) ?? costOf(value["cost"]) ?? costOf(membersOf(value["cost"])["total"]);
  if ("cache_read_input_tokens" in value || "cache_creation_input_tokens" in value) {
    return separate(value, known);
  }
  if ("prompt_tokens" in value || "completion_tokens" in value) return prompt(value, known);
  if ("input_tokens" in value || "output_tokens" in value) return inclusive(value, known);
  if ("input" in value || "output" in value) return short(value, known);
  return undefined;
}

/** Anthropic: `input_tokens` is without the cache. */
function separate(value: Members, cost: number | null): Usage {
  return {
    input: countOf(value["input_tokens"]),
    output: countOf(value["output_tokens"]),
    cacheRead: countOf(value["cache_read_input_tokens"]),
    cacheWrite: countOf(value["cache_creation_input_tokens"]),
    cost,
  };
}

/** OpenAI responses, Codex, Inspect: `input_tokens` holds what was cached. */
function inclusive(value: Members, cost: number | null): Usage {
  const details = membersOf(value["input_tokens_details"]);
  const read =
    countOf(value["cached_input_tokens"]) ||
    countOf(details["cached_tokens"]) ||
    countOf(value["input_tokens_cache_read"]);
  const write =
    countOf(value["cache_write_input_tokens"]) || countOf(value["input_tokens_cache_write"]);
  return uncached(
    countOf(value["input_tokens"]),
    countOf(value["output_tokens"]),
    read,
    write,
    cost,
  );
}

/** OpenAI chat completions and what follows them (LiteLLM): the prompt holds what was cached. */
function prompt(value: Members, cost: number | null): Usage {
  const details = membersOf(value["prompt_tokens_details"]);
  const read = countOf(value["cache_read_tokens"]) || countOf(details["cached_tokens"]);
  const write = countOf(value["cache_write_tokens"]);
  const output = countOf(value["completion_tokens"]);
  return uncached(countOf(value["prompt_tokens"]), output, read, write, cost);
}

/** Short names: `cached` (Gemini) is part of the input, `cacheRead` (pi) is not. */
function short(value: Members, cost: number | null): Usage {
  const output = countOf(value["output"]) + countOf(value["thoughts"]);
  const input = countOf(value["input"]);
  if ("cached" in value) return uncached(input, output, countOf(value["cached"]), 0, cost);
  const cacheRead = countOf(value["cacheRead"]);
  return { input, output, cacheRead, cacheWrite: countOf(value["cacheWrite"]), cost };
}

function uncached(
  input: number,
  output: number,
  cacheRead: number,
  cacheWrite: number,
  cost: number | null,
): Usage {
  return {
    input: Math.max(0, input - cacheRead - cacheWrite),
    output,
    cacheRead,
    cacheWrite,
    cost,
  };
}
