// What the Dockerfile copies is enough: its build stage builds, and what its last stage has runs.
// There is no Docker here, so the stages are folders, with the packages of this project in them.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, expect, it } from "vitest";
import { heard } from "../cli/reach-command.ts";
import { instructionsOf } from "./dockerfile.ts";
import { projectRoot, projectText } from "./project-file.ts";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "reach-image-"));
let serving: ChildProcess | undefined;
afterAll(() => {
  serving?.kill("SIGKILL");
  fs.rmSync(folder, { recursive: true });
});

/** Makes a folder of each stage, as far as it copies files, and returns where they are. */
function stages(build: (root: string) => void): string {
  let root = "";
  let work = "/";
  for (const { name, rest } of instructionsOf(projectText("Dockerfile"))) {
    if (name === "FROM") {
      root = path.join(folder, / AS (\S+)$/.exec(rest)?.[1] ?? "last");
      fs.mkdirSync(path.join(root, "opt", "reach"), { recursive: true });
      fs.symlinkSync(
        path.join(projectRoot, "node_modules"),
        path.join(root, "opt", "reach", "node_modules"),
      );
    } else if (name === "WORKDIR") work = rest;
    else if (name === "RUN" && rest === "npm run build") build(path.join(root, work));
    else if (name === "COPY") copy(rest, root, work);
  }
  return path.join(root, "opt", "reach");
}

function copy(rest: string, root: string, work: string): void {
  const words = rest.split(" ");
  const stage = words[0]?.startsWith("--from=")
    ? words.shift()?.slice("--from=".length)
    : undefined;
  const target = words.pop() as string;
  const to = path.join(root, path.resolve(work, target));
  for (const source of words) {
    if (source.endsWith("node_modules")) continue;
    const from = stage ? path.join(folder, stage, source) : path.join(projectRoot, source);
    const isFile = fs.statSync(from).isFile();
    const place = isFile && target.endsWith("/") ? path.join(to, path.basename(source)) : to;
    fs.cpSync(from, place, { recursive: true });
  }
}

it("builds, and serves, with its documentation of errors", async () => {
  const reach = stages((root) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ["tools/build.mjs"], {
      cwd: root,
      encoding: "utf8",
    });
    expect(`${stdout}${stderr}`).toBe("");
    expect(status).toBe(0);
  });
  const command = path.join(reach, "dist", "entries", "reach.js");
  const args = ["serve", "--port", "0", "--data", path.join(folder, "data")];
  const child = spawn(process.execPath, [command, ...args], { cwd: folder });
  serving = child;
  const url = /http:\S+/.exec(await heard(child.stdout, /http:\S+\s/))?.[0] ?? "";
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  const page = await (await fetch(`${url}/docs/errors`)).text();
  expect(page).toContain("SESSION_ENDED");
}, 180_000);
