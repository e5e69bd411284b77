// The library as a whole: several data directories in one process.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { open, type Reach } from "../src/index.ts";

const folder = mkdtempSync(path.join(tmpdir(), "reach-library-"));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A data directory of its own with a session of `count` events. */
async function filled(name: string, count: number): Promise<{ reach: Reach; id: string }> {
  const reach = await open({ data: path.join(folder, name) });
  const session = reach.record({ name });
  for (let n = 0; n < count - 1; n++) void session.append({ type: "n", data: { n } });
  await session.append({ type: "last", data: null });
  await session.close();
  return { reach, id: session.id };
}

describe("data directories of one process", () => {
  test("are closed one by one: the work of the others goes on", async () => {
    const { reach, id } = await filled("one", 20_000);
    const other = await open({ data: path.join(folder, "other") });
    await reach.state(id);
    const replaying = reach.replay(id, { keep: false });
    await other.close();
    await other.close();
    expect((await replaying).verdict).toBe("computed");
    await reach.close();
  });
});
