// `reach export -o FILE && reach rm ID --yes`: what the removal relies on has to be on the disk.
import { PassThrough } from "node:stream";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { Output } from "../../src/cli/output.ts";
import { writeResult } from "../../src/cli/output-file.ts";
import { nodeDisk } from "../../src/disk/index.ts";
import { Workbench } from "./reach-command.ts";

describe("a result in a file", () => {
  it("is durable, and so is its name, when the command says that it is written", async () => {
    const bench = new Workbench();
    const file = bench.path("run.bundle");
    const done: string[] = [];
    const { open, syncFolder } = nodeDisk;
    const spies = [
      vi.spyOn(nodeDisk, "open").mockImplementation((path, mode) => {
        const opened = open(path, mode);
        const sync = opened.sync.bind(opened);
        opened.sync = async () => {
          done.push(`${path.replace(/\.\d+\.tmp$/, ".tmp")} of ${opened.size()} bytes`);
          await sync();
        };
        return opened;
      }),
      vi.spyOn(nodeDisk, "syncFolder").mockImplementation(async (path) => {
        done.push(`${path}, where it is ${nodeDisk.exists(file) ? "there" : "not"}`);
        await syncFolder(path);
      }),
    ];
    onTestFinished(() => {
      for (const spy of spies) spy.mockRestore();
    });
    const stream = new PassThrough();
    const streams = { stdout: stream, stderr: stream };
    const output = new Output({ ...streams, colour: "never", json: false, quiet: false });
    await writeResult(output, { file, binary: true }, (sink) => Promise.resolve(sink(bytes)));
    expect(done).toEqual([`${file}.tmp of 8 bytes`, `${bench.folder}, where it is there`]);
    expect(bench.read("run.bundle").toString()).toBe("REACHBDL");
  });
});

const bytes = new TextEncoder().encode("REACHBDL");
