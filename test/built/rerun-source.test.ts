// Where a rerun differs is said with the line of the code, also where stacks are mapped to sources:
// then the files of Reach in a stack are others than those that run.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";

const folder = mkdtempSync(path.join(tmpdir(), "reach-source-"));
const library = pathToFileURL(
  path.resolve(import.meta.dirname, "../../dist/entries/index.js"),
).href;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each([[[]], [["--enable-source-maps"]]])("with node %s", (flags) => {
  const script = path.join(folder, "agent.mjs");
  const data = JSON.stringify(path.join(folder, flags.join("") || "plain"));
  writeFileSync(
    script,
    `import { open } from "${library}";
const reach = await open({ data: ${data} });
const session = reach.record();
await session.append({ type: "a", data: 1 });
await session.close();
const appending = reach.rerun(session.id);
await appending.append({ type: "a", data: 2 }).catch(() => {});
const asking = reach.rerun(session.id);
await asking.effect("a", 1, () => 2).catch(() => {});
const reports = [await appending.close(), await asking.close()];
console.log(JSON.stringify(reports.map(({ divergence }) => divergence.source)));
await reach.close();
`,
  );
  const out = execFileSync(process.execPath, [...flags, script], { encoding: "utf8" });
  expect(JSON.parse(out)).toEqual([`${script}:7:17`, `${script}:9:14`]);
});
