// Standard input is read as it comes: what has been handed out is not held any longer.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { ended } from "./reach-command.ts";

const module = new URL("../../dist/cli/standard-input.js", import.meta.url).href;
const pieceBytes = 64 * 1024;
const pieces = 1500;

/** Reads everything; at the last piece it says what is still held outside of the heap. */
const reader = `
  const { standardInput } = await import(${JSON.stringify(module)});
  let bytes = 0;
  for await (const piece of standardInput(new AbortController().signal)) {
    bytes += piece.length;
    if (bytes < ${pieces * pieceBytes}) continue;
    await new Promise((resolve) => setTimeout(resolve, 20));
    gc();
    console.log(JSON.stringify({ bytes, held: process.memoryUsage().arrayBuffers }));
  }
`;

it("holds a few pieces of a long input, not all of it", async () => {
  const args = ["--expose-gc", "--input-type=module", "--eval", reader];
  const cwd = fileURLToPath(new URL("../..", import.meta.url));
  const child = spawn(process.execPath, args, { cwd });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  const end = ended(child);
  const piece = Buffer.alloc(pieceBytes, "x");
  for (let i = 0; i < pieces; i++) {
    if (child.stdin.write(piece)) continue;
    await new Promise((resolve) => child.stdin.once("drain", resolve));
  }
  child.stdin.end();
  const { stdout, stderr } = await end;
  const { bytes, held } = JSON.parse(stdout || `{"stderr":${JSON.stringify(stderr)}}`);
  expect(bytes).toBe(pieces * pieceBytes);
  expect(held).toBeLessThan(100 * pieceBytes);
});
