/** A blob larger than memory should be: it goes in and comes out in pieces, in bounded memory. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const MiB = 1024 * 1024;

/** Stores and reads a blob of `size` bytes, counting what it takes: run in a process of its own. */
const script = (folder: string, size: number): string => `
  const { PackBlobs } = await import(${JSON.stringify(moduleUrl("blobs"))});
  const { nodeDisk } = await import(${JSON.stringify(moduleUrl("disk"))});
  const peak = () => process.resourceUsage().maxRSS * 1024;
  const piece = new Uint8Array(65536);
  let state = 1;
  const fill = () => {
    for (let i = 0; i < piece.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      piece[i] = state >>> 24;
    }
  };
  const { createHash } = await import("node:crypto");
  const [pushed, streamed] = [createHash("sha1"), createHash("sha1")];
  const before = peak();
  const store = await PackBlobs.open(nodeDisk, ${JSON.stringify(folder)}, "write");
  const writer = store.openBulk();
  const stream = writer.putStream();
  for (let put = 0; put < ${size}; put += piece.length) {
    fill();
    stream.push(piece);
    pushed.update(piece);
    if (put % ${32 * MiB} === 0) await writer.sync();
  }
  const name = stream.finish().sha256;
  await writer.sync();
  writer.close();
  let read = 0;
  for (const bytes of store.stream(name)) {
    streamed.update(bytes);
    read += bytes.length;
  }
  const same = pushed.digest("hex") === streamed.digest("hex");
  const problems = [...store.problemsOf(name), ...store.verifyAll([name])].length;
  const packs = store.packs().length;
  store.close();
  console.log(JSON.stringify({ read, same, problems, packs, grown: peak() - before }));
`;

function moduleUrl(folder: string): string {
  return pathToFileURL(path.join(root, "dist", folder, "index.js")).href;
}

test("a blob of 160 MiB is stored, read and verified in less than 100 MiB", () => {
  expect(existsSync(path.join(root, "dist/blobs/index.js")), "the package is built").toBe(true);
  const folder = mkdtempSync(path.join(tmpdir(), "reach-large-"));
  try {
    const size = 160 * MiB;
    const program = script(path.join(folder, "blobs"), size);
    const child = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
      encoding: "utf8",
    });
    expect(child.stderr).toBe("");
    const result = JSON.parse(child.stdout) as Record<string, unknown>;
    expect(result).toMatchObject({ read: size, same: true, problems: 0 });
    expect(result["packs"]).toBeGreaterThan(1);
    expect(result["grown"]).toBeLessThan(100 * MiB);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);
