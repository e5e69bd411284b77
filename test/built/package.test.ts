/** The package as others see it: what it exports is there, loads, works, and shares its classes. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { exports: entries } = JSON.parse(
  fs.readFileSync(path.join(root, "package.json"), "utf8"),
) as { exports: Record<string, string | { types: string; default: string }> };

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "reach-package-"));
  fs.mkdirSync(path.join(folder, "node_modules"));
  fs.symlinkSync(root, path.join(folder, "node_modules", "reach-replay"), "dir");
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

/** What a module in a project that depends on Reach prints. */
function run(code: string): unknown {
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", code], {
    cwd: folder,
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

test("has the files of every entry", () => {
  for (const [name, files] of Object.entries(entries)) {
    for (const file of typeof files === "string" ? [files] : Object.values(files)) {
      expect(fs.existsSync(path.join(root, file)), `${file} of ${name}`).toBe(true);
    }
  }
});

test("has one class of errors for all entries", () => {
  const names = Object.keys(entries).filter((name) => !name.endsWith(".json"));
  const specifiers = names.map((name) => path.posix.join("reach-replay", name));
  const code = `
    const all = await Promise.all(${JSON.stringify(specifiers)}.map((name) => import(name)));
    const classes = new Set(all.map(({ ReachError }) => ReachError).filter(Boolean));
    console.log(JSON.stringify({ entries: all.length, classes: classes.size }));`;
  expect(run(code)).toEqual({ entries: 5, classes: 1 });
});

test("records, replays in its threads and verifies", () => {
  const code = `
    import { open } from "reach-replay";
    const reach = await open({ data: "data", mode: "write" });
    const recording = await reach.record({ name: "first" });
    for (let i = 0; i < 2500; i++) recording.append({ type: "tick", data: { i } });
    await recording.close();
    const { verdict } = await reach.replay(recording.id);
    const { integrity } = await reach.verify(recording.id);
    await reach.close();
    console.log(JSON.stringify({ verdict, integrity }));`;
  expect(run(code)).toEqual({ verdict: "computed", integrity: "intact" });
});

test("opens again in another thread what a thread had open when it ended", () => {
  const code = `
    import { Worker } from "node:worker_threads";
    import { open } from "reach-replay";
    const work = \`import("reach-replay").then(async ({ open }) => {
      const session = (await open({ data: "data" })).record({ name: "first" });
      await session.append({ type: "tick", data: 1 });
      process.exit();
    })\`;
    const worker = new Worker(work, { eval: true });
    await new Promise((resolve) => worker.once("exit", resolve));
    const reach = await open({ data: "data" });
    const second = await open({ data: "data" }).catch(({ code }) => code);
    console.log(JSON.stringify({ sessions: reach.sessions().length, second }));
    await reach.close();`;
  expect(run(code)).toEqual({ sessions: 1, second: "LOCKED" });
});

test("has names for what it returns, so that others can declare what they make of it", () => {
  const file = path.join(folder, "report.mts");
  fs.writeFileSync(
    file,
    `import { open } from "reach-replay";
    import { replayOf } from "reach-replay/testing";
    export const reach = await open({ data: "data" });
    export const { directory } = reach;
    export const replayed = await replayOf("a.bundle");
    export const found = async (id: string) => ({
      state: await reach.state(id),
      replay: await reach.replay(id),
      verified: await reach.verify(id),
      imported: await reach.import("a.jsonl"),
    });`,
  );
  fs.symlinkSync(path.join(root, "node_modules/@types"), path.join(folder, "node_modules/@types"));
  const flags = "--strict --declaration --emitDeclarationOnly --module node16 --target es2022";
  const compiler = path.join(root, "node_modules/.bin/tsc");
  const { stdout } = spawnSync(compiler, [...flags.split(" "), "--types", "node", file], {
    cwd: folder,
    encoding: "utf8",
  });
  expect(stdout).toBe("");
});
