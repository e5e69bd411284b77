/**
 * What `replaceFile`, `cutFile`, `createFolders` and `readFile` keep when nothing fails, on every
 * disk. What they keep when something does is shown on the simulated disk.
 */
import { describe, expect, it } from "vitest";
import { codeOf, noBytes, utf8 } from "../../src/base/index.ts";
import {
  createFolders,
  cutFile,
  type Disk,
  readFile,
  replaceFile,
  temporarySuffix,
} from "../../src/disk/index.ts";
import type { DiskUnderTest } from "./disk.cases.ts";

function text(disk: Disk, path: string): string {
  return new TextDecoder().decode(readFile(disk, path));
}

/** The cases; `make` gives a fresh, empty folder each time. */
export function durableCases(name: string, make: () => DiskUnderTest): void {
  describe(`whole files on ${name}`, () => {
    it("are created and replaced, and leave nothing behind", async () => {
      const { disk, folder } = make();
      await replaceFile(disk, `${folder}/a`, utf8("one, and longer"));
      await replaceFile(disk, `${folder}/a`, utf8("two"));
      await replaceFile(disk, `${folder}/empty`, noBytes);
      expect(text(disk, `${folder}/a`)).toBe("two");
      expect(text(disk, `${folder}/empty`)).toBe("");
      expect(disk.list(folder)).toEqual(["a", "empty"]);
    });

    it("are written although a left-over of an earlier attempt lies there", async () => {
      const { disk, folder } = make();
      const leftOver = disk.open(`${folder}/a${temporarySuffix}`, "create");
      leftOver.write(utf8("a left-over that is longer"), 0);
      leftOver.close();
      await replaceFile(disk, `${folder}/a`, utf8("short"));
      expect(text(disk, `${folder}/a`)).toBe("short");
      expect(disk.list(folder)).toEqual(["a"]);
    });

    it("are cut as new files, so that a writer of the old one writes into nothing", async () => {
      const { disk, folder } = make();
      await replaceFile(disk, `${folder}/a`, utf8("0123456789"));
      const old = disk.open(`${folder}/a`, "write");
      await cutFile(disk, `${folder}/a`, 4);
      old.write(utf8("XXXXXXXXXXXX"), 0);
      old.close();
      expect(text(disk, `${folder}/a`)).toBe("0123");
      await cutFile(disk, `${folder}/a`, 0);
      expect(text(disk, `${folder}/a`)).toBe("");
      expect(disk.list(folder)).toEqual(["a"]);
    });

    it("of several megabytes are cut at any place", async () => {
      const { disk, folder } = make();
      const bytes = new Uint8Array(3 * 1024 * 1024).map((_, index) => index >> 8);
      const size = 2 * 1024 * 1024 + 4097;
      await replaceFile(disk, `${folder}/a`, bytes);
      await cutFile(disk, `${folder}/a`, size);
      expect(Buffer.compare(readFile(disk, `${folder}/a`), bytes.subarray(0, size))).toBe(0);
    });

    it("are not created where there is no folder", async () => {
      const { disk, folder } = make();
      const failure = await replaceFile(disk, `${folder}/none/a`, noBytes).catch(codeOf);
      expect(failure).toBe("NOT_FOUND");
    });

    it("lie in folders that are created down from the root", async () => {
      const { disk, folder } = make();
      await createFolders(disk, folder, `${folder}/a/b/c`);
      await createFolders(disk, folder, `${folder}/a/b/c`);
      await createFolders(disk, folder, folder);
      expect(disk.list(`${folder}/a/b`)).toEqual(["c"]);
    });
  });
}
