// `reach export --format html` in a real browser: verified when it is opened, shown without a
// server and without a request to anybody; what was changed in the file is not shown.

import * as fs from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Workbench } from "../cli/reach-command.ts";
import { browserPath, openPage, startBrowser } from "./real-browser.ts";
import { transcriptLines } from "./transcript-lines.ts";

describe.skipIf(browserPath === undefined)("an exported page in a browser", () => {
  let browser: Browser;
  let page: Page;
  let complaints: string[];
  let requests: string[];

  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(async () => {
    await browser.close();
  });
  afterEach(async () => {
    await page.close();
    expect({ complaints, requests }).toEqual({ complaints: [], requests: [] });
  });

  async function exported(...flags: string[]): Promise<{ bench: Workbench; file: string }> {
    const bench = new Workbench();
    fs.writeFileSync(bench.path("agent.jsonl"), transcriptLines(40));
    const { stdout } = await bench.run(["import", "--quiet", "agent.jsonl"]);
    const file = bench.path("run.html");
    const call = ["export", stdout.trim(), "--format", "html", "-o", file, ...flags];
    expect((await bench.run(call)).code).toBe(0);
    return { bench, file };
  }

  async function open(file: string): Promise<void> {
    ({ page, complaints } = await openPage(browser));
    requests = [];
    page.on("request", (request) => {
      if (!request.url().startsWith("file:")) requests.push(request.url());
    });
    await page.goto(`file://${file}`);
  }

  it("shows events and states, and believes the key that it is given", async () => {
    const { bench, file } = await exported();
    await open(file);
    await page.locator(".verdict.unsure", { hasText: "intact, complete · 41 events" }).waitFor();
    await page.locator(".scroll tr").nth(3).click();
    await page.locator(".event", { hasText: "what comes after 3." }).waitFor();
    await page.getByRole("button", { name: "State after it" }).click();
    await page.locator(".state", { hasText: "transcript 1" }).waitFor();
    const { stdout } = await bench.run(["doctor", "--json"]);
    const key = JSON.parse(stdout).directory.verifierKey as string;
    await page.locator(".key-text").fill(key);
    await page.locator(".key-text").press("Enter");
    await page.locator(".verdict.good").waitFor();
    const other = new Workbench();
    await other.run(["import", "--quiet", bench.path("agent.jsonl")]);
    const { stdout: strange } = await other.run(["doctor", "--json"]);
    await page.locator(".key-text").fill(JSON.parse(strange).directory.verifierKey);
    await page.locator(".key-text").press("Enter");
    await page.locator(".verdict.bad").waitFor();
  });

  it("has nothing of what was withheld, in words or in the file", async () => {
    const { bench, file } = await exported("--redact", "3");
    await open(file);
    await page.locator(".verdict", { hasText: "withheld" }).waitFor();
    await page.getByText("what comes after 4.").first().waitFor();
    expect(await page.getByText("what comes after 3.").count()).toBe(0);
    const shown = await bench.run(["events", file, "--ndjson"]);
    expect(shown.stdout).not.toContain("what comes after 3.");
    expect((await bench.run(["verify", file])).code).toBe(0);
  });

  it("says nothing of a key before it has verified by that", async () => {
    const { bench, file } = await exported();
    await open(file);
    await page.locator(".verdict.unsure").waitFor();
    const { stdout } = await bench.run(["doctor", "--json"]);
    const key = JSON.parse(stdout).directory.verifierKey as string;
    await page.evaluate(() => {
      const seen: string[] = [];
      Object.assign(globalThis, { seen });
      let given = false;
      addEventListener("change", () => (given = true), true);
      const look = (): void => {
        const verdict = document.querySelector(".verdict");
        if (given) seen.push(verdict?.className ?? "none");
      };
      new MutationObserver(look).observe(document, { subtree: true, childList: true });
    });
    await page.locator(".key-text").fill(key);
    await page.locator(".key-text").press("Enter");
    await page.locator(".verdict.good").waitFor();
    const seen = await page.evaluate(() => Reflect.get(globalThis, "seen") as string[]);
    expect(seen[0]).toBe("none");
    expect(seen).not.toContain("verdict unsure");
    await page.locator(".key-text").fill("no key");
    await page.locator(".key-text").press("Enter");
    await page.locator(".failure").waitFor();
    await page.locator(".key-text").fill(key);
    await page.locator(".key-text").press("Enter");
    await page.locator(".verdict.good").waitFor();
    expect(await page.locator(".key-text").inputValue()).toBe(key);
  });

  it("is shown where something has broken its lines, and says so where it is damaged", async () => {
    const { file } = await exported();
    const text = fs.readFileSync(file, "latin1");
    const at = text.indexOf('id="bundle">') + 'id="bundle">'.length;
    fs.writeFileSync(file, `${text.slice(0, at + 77)}\r\n${text.slice(at + 77)}`, "latin1");
    await open(file);
    await page.locator(".verdict.unsure").waitFor();
    await page.close();
    fs.writeFileSync(file, `${text.slice(0, at + 77)}?${text.slice(at + 77)}`, "latin1");
    await open(file);
    await page.locator(".failure", { hasText: "what this page holds is damaged" }).waitFor();
  });

  it("has no verdict in a copy that a browser made of what it showed", async () => {
    const { file } = await exported();
    await open(file);
    await page.locator(".verdict.unsure").waitFor();
    const copy = await page.evaluate(() => document.documentElement.outerHTML);
    await page.close();
    fs.writeFileSync(file, `<!DOCTYPE html>${copy}`);
    await open(file);
    await page.locator(".failure", { hasText: "holds no session any more" }).waitFor();
    expect(await page.getByText("intact").count()).toBe(0);
  });

  it("shows nothing of a file that was changed", async () => {
    const { bench, file } = await exported();
    const text = fs.readFileSync(file, "latin1");
    const at = text.indexOf('id="bundle">') + 2000;
    const changed = text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
    fs.writeFileSync(file, changed, "latin1");
    await open(file);
    await page.locator(".verdict.bad, .failure").first().waitFor();
    expect(await page.locator(".scroll tr").count()).toBe(0);
    expect([4, 1]).toContain((await bench.run(["verify", file])).code);
  });
});
