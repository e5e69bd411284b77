// docs/OPERATIONS.md speaks of commands, codes, files and limits that there are.

import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { errorCodes, limits } from "../../src/base/index.ts";
import { engineLimits } from "../../src/engine/engine-limits.ts";
import { scopes } from "../../src/server/index.ts";
import { defaultConfig } from "../../src/server/server-options.ts";
import { projectRoot, projectText, projectYaml } from "./project-file.ts";

const page = projectText("docs/OPERATIONS.md");
const alerts = projectText("docs/alerts.yml");
const thousands = (count: number): string => count.toLocaleString("en-US");

describe("the page for operators", () => {
  it("names commands of the command line, and scopes", () => {
    const reference = projectText("docs/CLI.md");
    const calls = [...`${page}\n${alerts}`.matchAll(/(?:`|^|reach )reach ([a-z]+)/gm)];
    expect(calls.length).toBeGreaterThan(8);
    for (const [, name] of calls) expect(reference).toContain(`### reach ${name}\n`);
    for (const [, scope = ""] of page.matchAll(/--scope ([\w:]+)/g)) {
      expect(scopes).toContain(scope);
    }
    for (const scope of scopes) expect(page).toContain(`\`${scope}\``);
  });

  it("names codes that the server answers with, and files that exist", () => {
    const codes = [...page.matchAll(/`([A-Z]+_?[A-Z]+)`/g)].map(([, code]) => code);
    expect(codes.length).toBeGreaterThan(5);
    const others = ["REACH_CONFIG"];
    for (const code of codes) {
      expect([...errorCodes, ...others] as string[], code).toContain(code);
    }
    for (const [, target = ""] of page.matchAll(/\]\(([^)#]+)\)/g)) {
      expect(fs.existsSync(path.join(projectRoot, "docs", target)), target).toBe(true);
    }
  });

  it("says the limits as they are", () => {
    const { triggers, shutdownMs, heartbeatMs, bodyBytesMax } = defaultConfig;
    const MiB = 1024 * 1024;
    for (const text of [
      `Requests under way get ${shutdownMs / 1000} s`,
      `silent for longer than ${heartbeatMs / 1000} s`,
      `bodies of ${bodyBytesMax / MiB} MiB`,
      `At ${thousands(triggers.entriesMax)}, or ${triggers.bytesMax / MiB} MiB`,
      `at ${thousands(defaultConfig.tailsMax)} more are refused`,
      `holds up to ${limits.tailQueueBytesMax / MiB} MiB`,
      `may grow to ${engineLimits.runnerRssBytesMax / MiB} MiB`,
      `one session kept them for ${engineLimits.stuckMs / 1000} s`,
    ]) {
      expect(page).toContain(text);
    }
    expect(engineLimits.triesMax).toBe(3);
  });

  it("has alerts that stand below the limits they warn of", () => {
    const { groups } = projectYaml<{ groups: { rules: { alert: string; expr: string }[] }[] }>(
      "docs/alerts.yml",
    );
    const rules = groups.flatMap((group) => group.rules);
    const boundOf = (name: string): number =>
      Number(/> (\d+)$/.exec(rules.find(({ alert }) => alert === name)?.expr ?? "")?.[1]);
    expect(boundOf("ReachQueueFilling")).toBeLessThan(defaultConfig.triggers.entriesMax);
    expect(boundOf("ReachTailsMany")).toBeLessThan(defaultConfig.tailsMax);
  });
});
