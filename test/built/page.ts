/**
 * The entry for browsers in a page: a context that has what browsers have and nothing of Node, not
 * even its hashes. What Reach makes there are objects of the page.
 */
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as vm from "node:vm";
import { build } from "esbuild";
import type * as browser from "../../src/browser.ts";

const folder = fileURLToPath(new URL("../..", import.meta.url));
/** What pages and their workers have besides the language. */
const web = {
  ...{ AbortController, AbortSignal, Blob, MessageChannel, ReadableStream, TextDecoder, URL },
  ...{ clearTimeout, performance, setTimeout },
};
/** An encoder whose bytes are arrays of the page, as they are in a browser. */
const ownEncoder = `(encoder) => {
  globalThis.TextEncoder = class {
    encode(text) { return Uint8Array.from(encoder.encode(text)); }
    encodeInto(text, target) { return encoder.encodeInto(text, target); }
  };
}`;

/** One script out of an import of what the package exports, as a page would be built. */
export async function scriptOf(specifier: string, resolveDir: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: `export * from "${specifier}";`, resolveDir },
    bundle: true,
    format: "iife",
    globalName: "reach",
    logLevel: "silent",
    platform: "browser",
    write: false,
  });
  return outputFiles[0]?.text ?? "";
}

/** A page with that script: what the script exports, and the page itself. */
export function pageWith(script: string): { reach: typeof browser; page: vm.Context } {
  const page = vm.createContext({ ...web });
  vm.runInContext(ownEncoder, page)(new TextEncoder());
  vm.runInContext(script, page);
  return { reach: vm.runInContext("reach", page), page };
}

/** A page with the entry as it was built. */
export async function builtPage(): Promise<ReturnType<typeof pageWith>> {
  return pageWith(await scriptOf("./browser.js", path.join(folder, "dist/entries")));
}
