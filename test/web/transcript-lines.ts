/** A small transcript of an agent, one record a line, for pages that show one. */

/** `count` records: questions and answers by turns. */
export function transcriptLines(count: number): string {
  return Array.from({ length: count }, (_, n) => {
    const role = n % 2 === 0 ? "user" : "assistant";
    const time = new Date(Date.UTC(2026, 0, 5, 12, 0, n)).toISOString();
    const message = { role, content: [{ type: "text", text: `what comes after ${n}.` }] };
    return `${JSON.stringify({ type: role, timestamp: time, uuid: `u${n}`, message })}\n`;
  }).join("");
}
