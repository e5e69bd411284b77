// `reach.config.ts` in a folder that cannot be written: it loads as it does elsewhere.

import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { loadConfig } from "../../src/config/index.ts";
import { Scratch } from "../session/sample-session.ts";

// A superuser may write everywhere, so the folder is one by what the system says of it.
vi.mock("node:fs", async (actual) => {
  const real = await actual<typeof import("node:fs")>();
  const writes = ((file: string, ...rest: [string]) => {
    const isRefused = refused.some((folder) => file.startsWith(`${folder}/.reach.config.`));
    if (!isRefused) return real.writeFileSync(file, ...rest);
    throw Object.assign(new Error("EROFS: read-only file system"), { code: "EROFS" });
  }) as typeof real.writeFileSync;
  return { ...real, writeFileSync: writes };
});

const refused: string[] = [];

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
  refused.splice(0, refused.length, scratch.at(), tmpdir());
});
afterEach(() => scratch.remove());

function written(name: string, text: string): string {
  const file = scratch.at(name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

const isScript = (name: string): boolean => name.startsWith(`.reach.config.${process.pid}.`);

it.each(["reach.config.ts", "reach.config.mts", "reach.config.js", "reach.config.mjs"])(
  "%s imports modules of Node and this Reach",
  async (name) => {
    const file = written(
      name,
      `import { readFileSync } from "node:fs";
      import os from "os";
      import { defineConfig, GiveUp, httpFetch } from "reach-replay/config";
      const text = () => readFileSync(new URL("./said.txt", import.meta.url), "utf8") + typeof os;
      export default defineConfig({
        data: text(),
        effects: { a: () => { throw new GiveUp("no"); }, "http.fetch": httpFetch({ allow: [] }) },
      });`,
    );
    written("said.txt", "./data-");
    const config = await loadConfig(file);
    expect(config).toMatchObject({ data: "./data-object", file });
    expect(config.registry.names().sort()).toEqual(["a", "http.fetch"]);
    expect(readdirSync(path.dirname(file)).sort()).toEqual([name, "said.txt"]);
  },
);

it.each([1, 2])("packages and neighbours are found where it lies (%i refused)", async (count) => {
  refused.length = count;
  const main = {
    name: "loud",
    main: "loud.cjs",
    exports: { module: "./no.js", import: "./a.mjs" },
  };
  written("node_modules/loud/package.json", JSON.stringify(main));
  written("node_modules/loud/a.mjs", "export const where = import.meta.url;");
  written("node_modules/old/index.js", "exports.where = () => __filename;");
  written("near.ts", `import old from "old"; export const near: string = old.where();`);
  const file = written(
    "reach.config.ts",
    `import { where } from "loud";
    import { near } from "./near.ts";
    export default { programs: [where, near, import.meta.dirname, import.meta.filename] };`,
  );
  const folder = path.dirname(file);
  const strays = (): string[] => readdirSync(tmpdir()).filter(isScript);
  const before = strays();
  expect((await loadConfig(file)).programs).toEqual([
    pathToFileURL(path.join(folder, "node_modules/loud/a.mjs")).href,
    path.join(folder, "node_modules/old/index.js"),
    folder,
    file,
  ]);
  expect(strays()).toEqual(before);
});

it("a package that is missing is named with its place", async () => {
  const file = written("reach.config.ts", `import "missing";\nexport default {};`);
  await expect(loadConfig(file)).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringMatching(/reach\.config\.ts:1:8: Could not resolve "missing"/) as string,
  });
});
