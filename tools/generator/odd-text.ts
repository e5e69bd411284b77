// Text that breaks careless programs, as models and terminals really produce it.

import type { Random } from "./random.ts";

/** Pieces of odd text: well-formed Unicode, all of it. */
const pieces: readonly string[] = [
  "👩‍👩‍👧‍👦",
  "🏳️‍🌈",
  "👍🏽",
  "🇩🇪🇯🇵",
  "שלום עולם",
  "مرحبا بالعالم",
  "\u202eabc\u202c",
  "Z\u0351\u036ba\u0321\u030al\u0489g\u0334o\u0321",
  "e\u0301 é \u1e9b\u0323",
  "\u2028",
  "\u2029",
  "\ufeff",
  "\u200b\u200d\u2060",
  "\u0000",
  "\u001b[31mFAIL\u001b[0m",
  "\u0007\u0008\u007f\u009f",
  "\r\n\t",
  "日本語のテキスト",
  "𝒳𝓎𝓏 𠜎𠜱",
  "\ufffd",
  '"\\/\\\\"',
  "</script><!--",
  "__proto__",
];

/** One piece of odd text, or a few. */
export function oddText(random: Random): string {
  let text = random.pick(pieces);
  while (random.chance(0.3)) text += random.pick(pieces);
  return text;
}

/** Emoji of two UTF-16 units each, for a stream of tokens to be cut in the middle of one. */
export const emojiToCut: readonly string[] = ["😀", "🚀", "🐛", "🎉", "🧵", "🔧", "💥"];
