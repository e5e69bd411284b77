// A configuration as the built command loads it: one that never comes to its end, and what it
// leaves behind, and effects that load more when they are called.

import { existsSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { ended, Workbench } from "./reach-command.ts";

/** What lies beside the configuration, and should not. */
function leftBehind(bench: Workbench): string[] {
  return readdirSync(bench.folder).filter((name) => name.startsWith(".reach.config."));
}

describe("a configuration that is not loaded to its end", () => {
  it("is a mistake that is named where it waits for what never comes", async () => {
    const bench = new Workbench();
    bench.write("reach.config.ts", "await new Promise(() => {});\nexport default {};\n");
    const { code, stderr } = await bench.run(["ls"]);
    expect(stderr).toContain("reach.config.ts: it waits for something that never comes");
    expect(code).toBe(2);
    expect(leftBehind(bench)).toEqual([]);
  });

  it("leaves nothing behind where it ends the process", async () => {
    const bench = new Workbench();
    bench.write("reach.config.ts", "process.exit(3);\n");
    expect((await bench.run(["ls"])).code).toBe(3);
    expect(leftBehind(bench)).toEqual([]);
  });

  it("leaves nothing behind where it is interrupted", async () => {
    const bench = new Workbench();
    const waits = "setInterval(() => {}, 1000); await new Promise(() => {});";
    const says = 'import { writeFileSync } from "node:fs"; writeFileSync("begun", "");';
    bench.write("reach.config.ts", `${says} ${waits}\nexport default {};\n`);
    const child = bench.start(["ls"]);
    const end = ended(child);
    while (!existsSync(bench.path("begun"))) await new Promise((r) => setTimeout(r, 10));
    child.kill("SIGINT");
    expect((await end).signal).toBe("SIGINT");
    expect(leftBehind(bench)).toEqual([]);
  });
});

describe("a configuration with http.fetch", () => {
  it("has the built command send requests", async () => {
    const server = createServer((request, answer) => answer.end(`${request.method} done`));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const bench = new Workbench();
    bench.write(
      "reach.config.ts",
      `import { httpFetch } from "reach-replay/config";
      const fetching = httpFetch({ allow: [], allowPrivate: ["${host}"] });
      export default { effects: { "http.fetch": fetching } };`,
    );
    bench.write(
      "asking.ts",
      `export default {
        name: "asking", version: "1", init: () => ({}), reduce: (state) => state,
        async step(ctx) {
          return { done: await ctx.call("http.fetch", { url: "http://${host}/", as: "text" }) };
        },
      };`,
    );
    const run = await bench.json(["run", "asking.ts"]);
    expect(run).toMatchObject({ outcome: "done", result: { status: 200, body: "GET done" } });
  });
});
