// A configuration that never comes to its end: what the command says, and what it leaves behind.

import { existsSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
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
