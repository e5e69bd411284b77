/**
 * The package as others get it: the files that are published, in a folder that has nothing else but
 * what they depend on. What it exports is there, loads, works, has types, and shares its classes.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as vm from "node:vm";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { pageWith, scriptOf } from "./page.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const {
  bin,
  dependencies,
  exports: entries,
} = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8")) as {
  bin: { reach: string };
  dependencies: Record<string, string>;
  exports: Record<string, string | Record<string, string>>;
};

const home = fs.mkdtempSync(path.join(os.tmpdir(), "reach-package-"));
const installed = path.join(home, "node_modules", "reach-replay");
let folder: string;

/**
 * Installed as npm does it, without a registry: the files that it would publish, and links. What is
 * only there for people to read stays away, for speed.
 */
beforeAll(() => {
  const asked = ["pack", "--dry-run", "--json", "--ignore-scripts"];
  const { stdout } = spawnSync("npm", asked, { cwd: root, encoding: "utf8" });
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  for (const { path: name } of files.filter(({ path: file }) => !/^src\/|\.map$/.test(file))) {
    fs.mkdirSync(path.dirname(path.join(installed, name)), { recursive: true });
    fs.copyFileSync(path.join(root, name), path.join(installed, name));
  }
  for (const name of Object.keys(dependencies)) {
    const link = path.join(home, "node_modules", name);
    fs.mkdirSync(path.dirname(link), { recursive: true });
    fs.symlinkSync(path.join(root, "node_modules", name), link, "dir");
  }
});

afterAll(() => fs.rmSync(home, { recursive: true }));

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(home, "project-"));
});

/** What a program of Node prints that has nothing to complain of. */
function node(...args: readonly string[]): string {
  const options = { cwd: folder, encoding: "utf8" } as const;
  const { stdout, stderr } = spawnSync(process.execPath, args, options);
  expect(stderr).toBe("");
  return stdout;
}

/** What a module in a project that depends on Reach prints. */
function run(code: string): unknown {
  return JSON.parse(node("--input-type=module", "-e", code));
}

/** What the command prints. */
function reach(...args: readonly string[]): string {
  return node(path.join(installed, bin.reach), ...args);
}

test("has the files of every entry", () => {
  for (const [name, files] of Object.entries(entries)) {
    for (const file of typeof files === "string" ? [files] : Object.values(files)) {
      expect(fs.existsSync(path.join(installed, file)), `${file} of ${name}`).toBe(true);
    }
  }
});

test("has one class of errors for all entries but that of pages, which stands alone", () => {
  const apart = ["./browser", "./package.json"];
  const names = Object.keys(entries).filter((name) => !apart.includes(name));
  const specifiers = names.map((name) => path.posix.join("reach-replay", name));
  const code = `
    const all = await Promise.all(${JSON.stringify(specifiers)}.map((name) => import(name)));
    const classes = new Set(all.map(({ ReachError }) => ReachError).filter(Boolean));
    console.log(JSON.stringify({ entries: all.length, classes: classes.size }));`;
  expect(run(code)).toEqual({ entries: 5, classes: 1 });
});

test("has a client for browsers, where there is nothing of Node", async () => {
  const script = await scriptOf("reach-replay/client", folder);
  const asked: string[] = [];
  const fetch = async (url: URL): Promise<Response> => {
    asked.push(url.href);
    const headers = { "content-type": "application/problem+json" };
    const problem = { status: 404, code: "NOT_FOUND", detail: "it is not here" };
    return new Response(JSON.stringify(problem), { status: 404, headers });
  };
  const web = { AbortController, AbortSignal, TextDecoder, TextEncoder, URL, crypto };
  const page = vm.createContext({ ...web, clearTimeout, setTimeout, fetch });
  vm.runInContext(script, page);
  const code = `
    const client = new reach.ReachClient({ url: "http://localhost:4320" });
    client.about().catch(reach.codeOf);`;
  expect(await vm.runInContext(code, page)).toBe("NOT_FOUND");
  expect(asked).toEqual(["http://localhost:4320/v1"]);
});

test("imports from a page: a Blob, which every browser can send", async () => {
  const script = await scriptOf("reach-replay/client", folder);
  const sent: (RequestInit & { readonly duplex?: string })[] = [];
  const fetch = async (_: URL, init: RequestInit): Promise<Response> => {
    sent.push(init);
    return new Response(JSON.stringify({ id: "x", format: "json", events: 2 }), { status: 201 });
  };
  const web = { AbortController, AbortSignal, TextDecoder, TextEncoder, URL, crypto };
  const streams = { Blob, ReadableStream, Uint8Array };
  const page = vm.createContext({ ...web, ...streams, clearTimeout, setTimeout, fetch, Response });
  vm.runInContext(script, page);
  const code = `
    const client = new reach.ReachClient({ url: "http://localhost:4320" });
    client.import(new Uint8Array([91, 93]), { name: "x.json" }).then(({ id }) => id);`;
  expect(await vm.runInContext(code, page)).toBe("x");
  const [{ body, headers, duplex } = {}] = sent;
  expect(body).toBeInstanceOf(Blob);
  expect((body as Blob).size).toBe(2);
  expect(headers).toMatchObject({ "content-type": "application/octet-stream" });
  expect(headers).not.toHaveProperty("content-length");
  expect(duplex).toBeUndefined();
});

test("has an entry for pages, which verifies a bundle where there is nothing of Node", async () => {
  const { reach: page } = pageWith(await scriptOf("reach-replay/browser", folder));
  const bundle = fs.readFileSync(path.join(root, "fixtures/v1/bundles/recorded.bundle"));
  const report = await page.verifyBundle(bundle);
  expect(report).toMatchObject({ integrity: "intact", completeness: "complete" });
});

test("has types for pages, which know nothing of Node", () => {
  const file = path.join(folder, "page.mts");
  fs.writeFileSync(
    file,
    `import { codeOf, openCheckpoint, verifierOf, verifyBundle } from "reach-replay/browser";
    import { ReachClient } from "reach-replay/client";
    const input = document.querySelector("input") as HTMLInputElement;
    export const ofFile = async (key: string) => {
      const [file] = input.files ?? [];
      return file && (await verifyBundle(file, { verifierKey: key })).integrity;
    };
    export const ofAnswer = async (url: string, signal: AbortSignal) => {
      const { body } = await fetch(url);
      return body && (await verifyBundle(body, { signal }).catch(codeOf));
    };
    export const ofServer = async (url: string, id: string) => {
      return (await verifyBundle(await new ReachClient({ url }).bundle(id))).problems;
    };
    export const signed = (note: Uint8Array, key: string) => {
      return openCheckpoint(note, [verifierOf(key)]).root;
    };`,
  );
  const flags = "--strict --skipLibCheck false --module nodenext --target es2022 --lib ES2022,DOM";
  const compiler = path.join(root, "node_modules/typescript/bin/tsc");
  expect(node(compiler, "--noEmit", ...flags.split(" "), "--types", "", file)).toBe("");
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
    import { ReachClient } from "reach-replay/client";
    import { defineConfig, httpFetch } from "reach-replay/config";
    import { defineProgram } from "reach-replay/program";
    import { replayOf } from "reach-replay/testing";
    export const reach = await open({ data: "data" });
    export const { directory } = reach;
    export const replayed = await replayOf("a.bundle");
    export const found = async (id: string) => ({
      state: await reach.state(id),
      replay: await reach.replay(id),
      verified: await reach.verify(id),
      imported: await reach.import("a.jsonl"),
    });
    export const client = new ReachClient({ url: "http://localhost:4320" });
    export const config = defineConfig({ effects: { "http.fetch": httpFetch({ allow: [] }) } });
    export const program = defineProgram({
      name: "counter",
      version: "1",
      init: () => ({ n: 0 }),
      reduce: ({ n }) => ({ n: n + 1 }),
    });`,
  );
  // Nobody has to have the types of Node, or to skip the check of what others declare.
  const flags = "--strict --skipLibCheck false --module nodenext --target es2022 --types";
  const declaring = "--declaration --emitDeclarationOnly";
  const compiler = path.join(root, "node_modules/typescript/bin/tsc");
  expect(node(compiler, ...declaring.split(" "), ...flags.split(" "), "", file)).toBe("");
});

test("has a server that finds all of its packages and pages", async () => {
  const asked = ["serve", "--port", "0", "--json", "--log", "error"];
  const server = spawn(process.execPath, [path.join(installed, bin.reach), ...asked], {
    cwd: folder,
    stdio: ["ignore", "pipe", "ignore"],
  });
  onTestFinished(() => void server.kill("SIGKILL"));
  const [line] = (await once(server.stdout, "data")) as [Buffer];
  const { url } = JSON.parse(line.toString("utf8")) as { url: string };
  expect(await (await fetch(`${url}/docs/errors`)).text()).toContain('id="NOT_FOUND"');
  const headers = { "content-type": "application/json" };
  const refused = await fetch(`${url}/v1/sessions`, { method: "POST", headers, body: "{}" });
  expect(refused.status).toBe(422);
  server.kill("SIGTERM");
  expect(await once(server, "exit")).toEqual([0, null]);
});

test("has a command that finds all of its files", () => {
  expect(reach("demo", "--events", "1000")).toContain("first bad event");
  fs.writeFileSync(
    path.join(folder, "asking.ts"),
    `import { defineProgram } from "reach-replay/program";
    export default defineProgram({
      name: "asking",
      version: "1",
      init: () => ({}),
      reduce: (state) => state,
      async step(ctx) {
        await ctx.sleep(1);
        return { done: { luck: ctx.random() } };
      },
    });`,
  );
  const { id, outcome } = JSON.parse(reach("run", "asking.ts", "--json")) as Record<string, string>;
  expect(outcome).toBe("done");
  expect(reach("replay", id ?? "", "--quiet")).toBe("identical\n");
});
