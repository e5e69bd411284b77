/**
 * The disk of this machine: the cases every disk passes, and what only a real file system can
 * show, on a temporary folder.
 */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { codeOf, utf8 } from "../../src/base/index.ts";
import { nodeDisk } from "../../src/disk/index.ts";
import { diskCases } from "./disk.cases.ts";
import { durableCases } from "./durable.cases.ts";

const top = mkdtempSync(path.join(tmpdir(), "reach-disk-"));
let folders = 0;

function freshFolder(): string {
  const folder = path.join(top, String(++folders));
  mkdirSync(folder);
  return folder;
}

afterAll(() => rmSync(top, { recursive: true, force: true }));

diskCases("the disk of this machine", () => ({ disk: nodeDisk, folder: freshFolder() }));
durableCases("the disk of this machine", () => ({ disk: nodeDisk, folder: freshFolder() }));

describe("the disk of this machine", () => {
  it("keeps what it creates from other users", () => {
    const folder = freshFolder();
    nodeDisk.open(`${folder}/file`, "create").close();
    nodeDisk.createFolder(`${folder}/folder`);
    expect(statSync(`${folder}/file`).mode & 0o777).toBe(0o600);
    expect(statSync(`${folder}/folder`).mode & 0o777).toBe(0o700);
  });

  it("says which path an operation failed on, and why", () => {
    const folder = freshFolder();
    try {
      nodeDisk.open(`${folder}/none`, "read");
      expect.unreachable("the file is not there");
    } catch (error) {
      expect(codeOf(error)).toBe("NOT_FOUND");
      expect(error).toMatchObject({ where: `${folder}/none` });
      expect(String(error)).toContain("ENOENT");
    }
  });

  it("does not take for missing what it cannot look at", () => {
    const folder = freshFolder();
    symlinkSync(`${folder}/circle`, `${folder}/circle`);
    writeFileSync(`${folder}/file`, "");
    try {
      nodeDisk.exists(`${folder}/circle/events.log`);
      expect.unreachable("nobody knows what is there");
    } catch (error) {
      expect(codeOf(error)).toBe("IO_FAILED");
      expect(error).toMatchObject({ where: `${folder}/circle/events.log` });
    }
    expect(nodeDisk.exists(`${folder}/none/file`)).toBe(false);
    expect(nodeDisk.exists(`${folder}/file/below`)).toBe(false);
  });

  it("reports a full device as DISK_FULL", ({ skip }) => {
    skip(!nodeDisk.exists("/dev/full"), "this system has no /dev/full");
    const file = nodeDisk.open("/dev/full", "write");
    try {
      file.write(utf8("text"), 0);
      expect.unreachable("nothing fits on this device");
    } catch (error) {
      expect(codeOf(error)).toBe("DISK_FULL");
      expect(error).toMatchObject({ where: "/dev/full" });
    } finally {
      file.close();
    }
  });

  it("reports a file it may not open as IO_FAILED", ({ skip }) => {
    skip(process.getuid?.() === 0, "the superuser may open every file");
    const file = path.join(freshFolder(), "locked");
    writeFileSync(file, "text");
    chmodSync(file, 0);
    try {
      nodeDisk.open(file, "read");
      expect.unreachable("nobody may read this file");
    } catch (error) {
      expect(codeOf(error)).toBe("IO_FAILED");
    }
  });
});
