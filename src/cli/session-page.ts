/**
 * `reach export --format html`: the page around a bundle. Script and style stand in it, known to
 * its policy by their hashes, so that nothing else in the file is ever run; it asks nobody for
 * anything.
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { builtFile } from "../disk/index.ts";

/** The text in front of the bundle, and behind it. `title` is shown as the page's. */
export function sessionPage(title: string): { readonly before: string; readonly after: string } {
  const style = fs.readFileSync(builtFile("web/observe.css"), "utf8");
  const script = fs.readFileSync(builtFile("web/offline.js"), "utf8");
  const policy =
    `default-src 'none'; script-src '${hashOf(script)}'; style-src '${hashOf(style)}'; ` +
    "base-uri 'none'; form-action 'none'";
  const before =
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">' +
    `<meta http-equiv="Content-Security-Policy" content="${policy}">` +
    `<meta name="viewport" content="width=device-width"><title>${escaped(title)}</title>` +
    `<style>${style}</style></head><body><div id="page"><noscript>This page needs JavaScript; ` +
    "<code>reach verify</code> and <code>reach events</code> read this file without." +
    "</noscript></div>";
  return { before, after: `<script type="module">${script}</script></body></html>\n` };
}

/** As a policy names what it lets pass (https://www.w3.org/TR/CSP3, 2.3.1). */
function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
