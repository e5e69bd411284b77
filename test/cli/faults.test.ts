import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { describe, expect, it, onTestFinished } from "vitest";
import { mainFile, Workbench } from "./reach-command.ts";
import { ndjson } from "./transcripts.ts";

const nobody = 65_534;
const isRoot = process.getuid?.() === 0;

/** Opens a folder to everybody and returns how to run as somebody without rights. */
function withoutRights(bench: Workbench): { readonly uid?: number } {
  fs.chmodSync(bench.folder, 0o755);
  return isRoot ? { uid: nobody } : {};
}

describe("what is not as it should be", () => {
  it("a data directory that is a file is named, by everything", async () => {
    const bench = new Workbench();
    bench.write("a.jsonl", ndjson(1));
    const data = bench.write("file", "not a folder");
    for (const args of [["ls"], ["import", "a.jsonl"], ["gc"], ["doctor"]]) {
      const { code, stdout, stderr } = await bench.run([...args, "--data", data]);
      expect({ args, code }).toEqual({ args, code: 2 });
      expect(stdout + stderr).toContain(`the data directory ${data} is a file`);
    }
  });

  it("a folder to work in that somebody has removed", () => {
    const bench = new Workbench();
    fs.mkdirSync(bench.path("gone"));
    const script = 'cd "$0" && rmdir "$0" && "$1" "$2" ls';
    const args = ["-c", script, bench.path("gone"), process.execPath, mainFile];
    const { status, stderr } = spawnSync("bash", args, { encoding: "utf8" });
    expect({ status, stderr }).toEqual({
      status: 5,
      stderr: "reach: the folder that this is called in is gone\n  change to one that is there\n",
    });
  });

  it("a folder where a file is expected", async () => {
    const bench = new Workbench();
    const id = await bench.import("a.jsonl", ndjson(1));
    fs.mkdirSync(bench.path("folder"));
    const verify = await bench.run(["verify", "folder"]);
    expect(verify.code).toBe(2);
    expect(verify.stderr).toContain("folder is a folder, not a bundle");
    const out = await bench.run(["export", id, "-o", "folder"]);
    expect(out.code).toBe(2);
    expect(out.stderr).toContain("folder is a folder");
    const bundle = await bench.run(["import", "folder", "--format", "bundle"]);
    expect(bundle.code).toBe(2);
    expect(bundle.stderr).toContain("folder is a folder, not a bundle");
    const empty = await bench.run(["import", "folder"]);
    expect(empty.code).toBe(1);
    expect(empty.stderr).toContain("holds no files");
  });

  it("a file that may not be read", async () => {
    const bench = new Workbench();
    const file = bench.write("secret.jsonl", ndjson(1));
    fs.chmodSync(file, 0o000);
    const rights = withoutRights(bench);
    const data = bench.path("data");
    fs.mkdirSync(data, { mode: 0o777 });
    fs.chmodSync(data, 0o777);
    const { code, stderr } = await bench.run(["import", file, "--data", data], rights);
    expect(code).toBe(1);
    expect(stderr).toContain(`cannot read ${file}`);
    expect(stderr).toContain("check its permissions");
    fs.mkdirSync(bench.path("closed"), { mode: 0o000 });
    const behind = bench.path("closed", "a.jsonl");
    const closed = await bench.run(["import", behind, "--data", data], rights);
    expect({ code: closed.code, stderr: closed.stderr }).toEqual({
      code: 1,
      stderr: `reach: EACCES: permission denied, stat '${behind}'\n`,
    });
  });

  it("a data directory that may not be written is still replayed from", async () => {
    const bench = new Workbench();
    const id = await bench.import("a.jsonl", ndjson(10));
    const rights = withoutRights(bench);
    spawnSync("chmod", ["-R", "a+rX,a-w", bench.path(".reach")]);
    const refused = await bench.run(["import", "a.jsonl"], rights);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(`${bench.path(".reach/default")} may not be written`);
    expect(refused.stderr).toMatch(/permission denied/i);
    expect(refused.stderr).toContain("check who owns it");
    const replay = await bench.run(["replay", id], rights);
    expect(replay.code).toBe(0);
    expect(replay.stderr).toContain("snapshots are not kept");
    expect((await bench.run(["ls", "--quiet"], rights)).stdout).toBe(`${id}\n`);
    spawnSync("chmod", ["-R", "u+w", bench.path(".reach")]);
  });

  it("an export that fails leaves no half of a file behind", async () => {
    const bench = new Workbench();
    const id = await bench.import("a.jsonl", ndjson(10));
    const nowhere = await bench.run(["export", id, "-o", "no/such/folder/x"]);
    expect(nowhere.code).toBe(5);
    expect(nowhere.stderr).toBe(
      "reach: cannot write no/such/folder/x\n  its folder does not exist: make it first\n",
    );
    const full = fs.existsSync("/dev/full");
    if (full) expect((await bench.run(["export", id, "-o", "/dev/full"])).code).toBe(7);
    bench.write("old.jsonl", "the old content");
    bench.damage(id);
    const damaged = await bench.run(["export", id, "-o", "old.jsonl"]);
    expect(damaged.code).toBe(4);
    expect(bench.read("old.jsonl").toString()).toBe("the old content");
    expect(fs.readdirSync(bench.folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
});

describe("a full disk", () => {
  it("ends an import with 7 and leaves what was there readable", async (context) => {
    const bench = new Workbench();
    const disk = bench.path("disk");
    fs.mkdirSync(disk);
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=24m", "reach-test", disk]);
    if (mounted.status !== 0) context.skip("a small disk can be mounted only by root");
    onTestFinished(() => {
      spawnSync("umount", [disk]);
    });
    const data = `${disk}/data`;
    bench.write("small.jsonl", ndjson(100));
    const small = await bench.run(["import", "small.jsonl", "--data", data, "--quiet"]);
    expect(small).toMatchObject({ code: 0, stderr: "" });
    bench.write("large.jsonl", ndjson(250_000, 1000));
    const large = await bench.run(["import", "large.jsonl", "--data", data]);
    expect(large.code).toBe(7);
    expect(large.stderr).toMatch(/^reach: no room on the disk/m);
    const verify = await bench.run(["verify", small.stdout.trim(), "--data", data]);
    expect(verify.stdout).toMatch(/^intact .*\ncomplete /);
    const after = await bench.run(["ls", "--data", data, "--quiet"]);
    expect(after.stdout).toContain(small.stdout.trim());
  });
});
