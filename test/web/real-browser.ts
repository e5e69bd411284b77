/**
 * A real browser, where this machine has one: Chromium or Chrome, or what `REACH_BROWSER` names.
 * Nothing is downloaded; where there is none, tests that need it say so and are skipped.
 */
import { existsSync } from "node:fs";
import process from "node:process";
import { type Browser, chromium, type Page } from "playwright-core";

const places = [
  process.env["REACH_BROWSER"],
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** The browser's program; `undefined` where there is none. */
export const browserPath: string | undefined = places.find((path) => path && existsSync(path));

/** Starts the browser, which asks nobody for anything but what its pages do. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: browserPath ?? "",
    args: [
      ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
      ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
    ],
  });
}

/** A page, and what it complains about: errors of its scripts, and breaches of its policy. */
export async function openPage(browser: Browser): Promise<{ page: Page; complaints: string[] }> {
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  page.setDefaultTimeout(20_000);
  const complaints: string[] = [];
  page.on("pageerror", ({ message }) => complaints.push(message));
  page.on("console", (said) => {
    const text = said.text();
    if (/content security policy/i.test(text)) complaints.push(text);
  });
  return { page, complaints };
}
