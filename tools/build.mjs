#!/usr/bin/env node
// Builds the package, and with `--tools` also what runs beside it.
//
// `dist` is written by tsc from `src`. Node 20 cannot run TypeScript, so the programs in `tools`
// and `test` (demo, benchmark, simulation) are transpiled by esbuild file by file to `dist-tools`;
// there an import of `../src/x.ts` becomes one of `dist/x.js`. They therefore run the very code
// that ships, worker threads find their files, and nothing of `src` is compiled twice.
//
// What runs inside the contexts of programs (`src/sandbox/inside`) is bundled into one script,
// `dist/sandbox/kernel.js`, because a context can load nothing. The command, the library and what
// runner processes and threads load is bundled into few files, `dist/entries`, since each process
// and thread loads it anew: a module, also one of a small package, costs about half a millisecond.

import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { build, buildSync } from "esbuild";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const source = path.join(root, "src");
const output = path.join(root, "dist");
const toolsOutput = path.join(root, "dist-tools");
/** Files of `dist` that are bundled, without a source of their own. */
const bundled = new Set(["sandbox/kernel"]);
/** What the command begins with and what others import; in `src`. They share their classes. */
const publicEntries = ["cli/reach.ts", "index.ts", "config.ts", "client.ts", "testing.ts"];
/** What threads and runner processes begin with; shared with nobody, so that they load little. */
const threadEntries = [
  "engine/host/runner-main.ts",
  "engine/host/lane-task.ts",
  "engine/host/sandbox-contexts.ts",
  "runtime/fold-worker.ts",
];
/**
 * Entries that share nothing with others. What is shared comes in whole files, so a thread that
 * needs little of them and lives for a moment starts a quarter slower (35 instead of 28 ms).
 */
const entriesAlone = ["session/tree-thread.ts", "importers/source-thread.ts"];
/**
 * Packages that only what Reach does not use would load: what the framework checks and writes by
 * itself, and requests that never went over a network. They are a third of a server's code.
 */
const packagesUnused = [
  "@fastify/ajv-compiler",
  "@fastify/fast-json-stringify-compiler",
  "light-my-request",
];
const emptyPackage = path.join(root, "tools", "empty-package.cjs");
/**
 * The same, of packages that are loaded at once: an empty one in their place. Those of noble do
 * what Node does natively; what is made for browsers has them.
 */
const packagesEmpty = {
  yaml: emptyPackage,
  "@noble/curves/ed25519.js": emptyPackage,
  "@noble/hashes/sha2.js": emptyPackage,
};
/** What a page in a browser loads: one file, with nothing of Node. */
const browserEntry = "browser.ts";
/** The observer's page, which a server hands out as it is: `dist/web`. */
const webEntries = [
  "web/observe.tsx",
  "web/verify-worker.ts",
  "web/offline.tsx",
  "web/observe.css",
];
const webPage = "web/index.html";
const webOutput = path.join(output, "web");
/** What browsers get is copied about without `licenses.txt`. */
const browserNotice =
  "/*! Reach, Apache-2.0. With noble-hashes and noble-curves (MIT, (c) Paul Miller) and, in " +
  "pages, Preact (MIT, (c) 2015-present Jason Miller). */";
const requireOfPackages =
  'import { createRequire as requireOf } from "node:module"; ' +
  "const require = requireOf(import.meta.url);";
const entriesOutput = path.join(output, "entries");

/**
 * The files below a folder, as absolute paths; none when the folder is not there.
 * @param {string} folder
 * @returns {string[]}
 */
function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

/** Compiles `src` to `dist`; returns whether it was free of errors, which tsc prints. */
function compile() {
  const tsc = path.join(root, "node_modules", "typescript", "bin", "tsc");
  const done = spawnSync(process.execPath, [tsc, "-p", "tsconfig.json"], {
    cwd: root,
    stdio: "inherit",
  });
  return done.status === 0;
}

/** Removes from `dist` what no longer has a source file, so that the package holds no leftovers. */
function prune() {
  for (const file of filesBelow(output)) {
    const stem = path.relative(output, file).replace(/\.(?:d\.ts|js\.map|js)$/, "");
    if (bundled.has(stem.split(path.sep).join("/"))) continue;
    if (file.startsWith(entriesOutput + path.sep)) continue;
    if (file.startsWith(webOutput + path.sep)) continue;
    if (!existsSync(path.join(source, `${stem}.ts`))) rmSync(file);
  }
}

/**
 * Bundles what runs inside contexts into one script; its completion value is a function that the
 * host calls once per context. Shared code is taken over without what it does not use, and with the
 * text codec of contexts, which have none.
 */
function bundleKernel() {
  const inside = path.join(source, "sandbox", "inside");
  buildSync({
    entryPoints: [path.join(inside, "kernel.ts")],
    inject: [path.join(inside, "text-codec.ts")],
    outfile: path.join(output, "sandbox", "kernel.js"),
    bundle: true,
    format: "iife",
    globalName: "reach",
    banner: { js: '(() => {"use strict";' },
    footer: { js: "return reach.kernel; })()" },
    platform: "neutral",
    mainFields: ["module", "main"],
    target: "node20",
    legalComments: "none",
    logLevel: "warning",
  });
}

/**
 * The licence of a package: its text, or the name that its package.json gives.
 * @param {string} name
 * @returns {string}
 */
function licenceOf(name) {
  const folder = path.join(root, "node_modules", name);
  const file = readdirSync(folder).find((found) => /^licen[cs]e/i.test(found));
  if (file !== undefined) return readFileSync(path.join(folder, file), "utf8").trim();
  const { license } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
  if (typeof license !== "string") throw new Error(`${name} is bundled and has no licence`);
  return `${license}, as its package.json says; it comes without a text`;
}

/**
 * Bundles entries into `dist/entries`. Of packages only those stay outside that have files of their
 * own besides modules: piscina a worker, esbuild a program.
 * @param {string[]} files
 * @param {boolean} splitting whether what several of them use is in files that they share
 * @returns {string[]} names of the packages that are in there
 */
function bundleTogether(files, splitting) {
  const { metafile } = buildSync({
    entryPoints: files.map((entry) => ({
      in: path.join(source, entry),
      out: path.basename(entry, ".ts"),
    })),
    outdir: entriesOutput,
    absWorkingDir: root,
    bundle: true,
    splitting,
    format: "esm",
    platform: "node",
    target: "node20",
    external: ["piscina", "esbuild", ...packagesUnused],
    alias: packagesEmpty,
    // What packages `require` of Node.
    banner: { js: requireOfPackages },
    sourcemap: true,
    sourcesContent: false,
    legalComments: "none",
    logLevel: "warning",
    metafile: true,
  });
  return packagesIn(metafile);
}

/**
 * The names of the packages that went into a bundle.
 * @param {import("esbuild").Metafile} metafile
 * @returns {string[]}
 */
function packagesIn({ inputs }) {
  return Object.keys(inputs).flatMap((input) => {
    // Where `node_modules` is a link, its files lie elsewhere.
    const [, name] = /^(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input) ?? [];
    return name === undefined ? [] : [name];
  });
}

/**
 * Bundles what browsers load, one file an entry. What its modules import of Node has to be gone
 * with what is not used; an import that is left is an error.
 * @param {string[]} files
 * @param {string} outdir
 * @returns {string[]} names of the packages that are in there
 */
function bundleForBrowsers(files, outdir) {
  const { metafile } = buildSync({
    entryPoints: files.map((entry) => path.join(source, entry)),
    outdir,
    absWorkingDir: root,
    bundle: true,
    minify: true,
    jsx: "automatic",
    jsxImportSource: "preact",
    format: "esm",
    platform: "browser",
    target: "es2022",
    external: ["node:*"],
    banner: { js: browserNotice },
    sourcemap: outdir === entriesOutput,
    sourcesContent: false,
    legalComments: "none",
    logLevel: "warning",
    metafile: true,
  });
  const left = Object.values(metafile.outputs).flatMap(({ imports }) => imports);
  if (left.length > 0) {
    throw new Error(`${files} import ${left.map(({ path: name }) => name).join(", ")}`);
  }
  return packagesIn(metafile);
}

/**
 * Makes the observer's page.
 * @returns {string[]} names of the packages that are in there
 */
function makeWebPage() {
  rmSync(webOutput, { recursive: true, force: true });
  const packages = bundleForBrowsers(webEntries, webOutput);
  copyFileSync(path.join(source, webPage), path.join(output, webPage));
  return packages;
}

/**
 * Bundles all entries, flat in one folder as `builtFile` wants it; the licences of the packages go
 * along.
 */
function bundleEntries() {
  rmSync(entriesOutput, { recursive: true, force: true });
  const packages = [
    ...bundleTogether(publicEntries, true),
    ...bundleTogether(threadEntries, true),
    ...bundleTogether(entriesAlone, false),
    ...bundleForBrowsers([browserEntry], entriesOutput),
    ...makeWebPage(),
  ];
  const licences = [...new Set(packages)].sort().map((name) => `${name}\n\n${licenceOf(name)}\n`);
  writeFileSync(path.join(entriesOutput, "licenses.txt"), licences.join("\n\n"));
}

/**
 * Builds `dist`. Returns false, with the errors on the terminal, when the types do not hold.
 * @returns {boolean}
 */
export function buildPackage() {
  const clean = compile();
  prune();
  bundleKernel();
  bundleEntries();
  const command = path.join(entriesOutput, "reach.js");
  if (existsSync(command)) chmodSync(command, 0o755);
  return clean;
}

/**
 * Whether a source file belongs to the observer's page, and so is in its bundle alone.
 * @param {string} file
 */
function isOfWebPage(file) {
  return file.startsWith(path.join(source, "web") + path.sep);
}

/**
 * Whether a file of `src`, or this one, is newer than the whole of `dist`, or `dist` is not there.
 * @returns {boolean}
 */
export function packageIsStale() {
  const built = filesBelow(output)
    .filter((file) => file.endsWith(".js"))
    .map((file) => statSync(file).mtimeMs);
  const sources = filesBelow(source);
  const modules = sources.filter((file) => file.endsWith(".ts") && !isOfWebPage(file));
  if (built.length < modules.length || !existsSync(path.join(output, webPage))) return true;
  const here = fileURLToPath(import.meta.url);
  const newest = Math.max(...[here, ...sources].map((file) => statSync(file).mtimeMs));
  return newest > Math.min(...built);
}

/** The TypeScript files of `tools` and `test` that Node runs: all but tests and fixtures. */
function toolFiles() {
  const fixtures = path.join(root, "test", "fixtures") + path.sep;
  return ["tools", "test"]
    .flatMap((folder) => filesBelow(path.join(root, folder)))
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
    .filter((file) => !file.startsWith(fixtures));
}

/**
 * Leaves relative imports as they are, except that they end in `.js` and that `src` is `dist`.
 * @param {ReadonlySet<string>} files
 * @returns {import("esbuild").Plugin}
 */
function importsStayApart(files) {
  return {
    name: "imports-stay-apart",
    setup(context) {
      context.onResolve({ filter: /^\.{1,2}\// }, (found) => {
        if (found.kind === "entry-point") return undefined;
        const target = path.resolve(found.resolveDir, found.path);
        const inSource = target.startsWith(source + path.sep);
        if (!inSource && !files.has(target)) return undefined;
        const from = path.join(toolsOutput, path.relative(root, found.resolveDir));
        const to = inSource
          ? path.join(output, path.relative(source, target))
          : path.join(toolsOutput, path.relative(root, target));
        const specifier = path.relative(from, to).split(path.sep).join("/").replace(/ts$/, "js");
        const relative = specifier.startsWith(".") ? specifier : `./${specifier}`;
        return { path: relative, external: true };
      });
    },
  };
}

/** Builds `dist-tools` out of the programs in `tools` and `test`. */
async function buildTools() {
  const files = toolFiles();
  rmSync(toolsOutput, { recursive: true, force: true });
  if (files.length === 0) return;
  await build({
    entryPoints: files,
    absWorkingDir: root,
    outdir: toolsOutput,
    outbase: root,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    packages: "external",
    sourcemap: true,
    logLevel: "warning",
    plugins: [importsStayApart(new Set(files))],
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const clean = buildPackage();
  if (clean && process.argv.includes("--tools")) await buildTools();
  process.exitCode = clean ? 0 : 1;
}
