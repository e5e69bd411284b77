/**
 * The same work on many things, a few of them at a time: what waits for the disk waits for it
 * together, where a file system makes one step of what several files ask for.
 */

/** Resolves when all work has ended. After a failure none begins any more; the first is thrown. */
export async function someAtOnce<Item>(
  items: Iterable<Item>,
  most: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const rest = items[Symbol.iterator]();
  const failures: unknown[] = [];
  const go = async (): Promise<void> => {
    for (let step = rest.next(); !step.done; step = rest.next()) {
      if (failures.length > 0) return;
      await work(step.value).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: most }, go));
  if (failures.length > 0) throw failures[0];
}
