/** What the power failures of a simulation hit: counters, and the table printed at its end. */

/** Counts crashes by what was going on. */
export class Coverage {
  /** Power failures and kills, each followed by a recovery that was judged. */
  crashes = 0;
  runs = 0;
  faults = 0;
  readonly #hits = new Map<string, number>();

  /** A crash while all of these were going on. */
  crash(activities: Iterable<string>): void {
    this.crashes++;
    for (const activity of new Set(activities)) this.hit(activity);
  }

  hit(activity: string): void {
    this.#hits.set(activity, (this.#hits.get(activity) ?? 0) + 1);
  }

  count(activity: string): number {
    return this.#hits.get(activity) ?? 0;
  }

  /** The table, in Markdown, most frequent first. */
  table(): string {
    const rows = [...this.#hits].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
    const width = Math.max(8, ...rows.map(([activity]) => activity.length));
    const line = (name: string, count: string): string =>
      `| ${name.padEnd(width)} | ${count.padStart(9)} |`;
    return [
      line("during", "crashes"),
      `|${"-".repeat(width + 2)}|${"-".repeat(10)}:|`,
      ...rows.map(([activity, count]) => line(activity, String(count))),
      line("all", String(this.crashes)),
    ].join("\n");
  }
}
