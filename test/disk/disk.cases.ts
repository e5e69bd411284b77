/**
 * What every `Disk` keeps: one suite for the disk of this machine and for the simulated one, so
 * that what is proved on the second holds on the first.
 */
import { describe, expect, it } from "vitest";
import { codeOf, utf8 } from "../../src/base/index.ts";
import { type Disk, readFile } from "../../src/disk/index.ts";

/** A disk and an empty folder on it. */
export interface DiskUnderTest {
  readonly disk: Disk;
  readonly folder: string;
}

function codeThrown(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return codeOf(error) ?? `foreign error: ${String(error)}`;
  }
  return "nothing thrown";
}

async function codeRejected(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "nothing thrown",
    (error) => codeOf(error) ?? `foreign error: ${String(error)}`,
  );
}

function writeFile({ disk, folder }: DiskUnderTest, name: string, text: string): string {
  const path = `${folder}/${name}`;
  const file = disk.open(path, "create");
  file.write(utf8(text), 0);
  file.close();
  return path;
}

function textOf({ disk }: DiskUnderTest, path: string): string {
  return new TextDecoder().decode(readFile(disk, path));
}

/** The cases; `make` gives a fresh, empty folder each time. */
export function diskCases(name: string, make: () => DiskUnderTest): void {
  describe(`a file on ${name}`, () => {
    it("gives back what was written, at any place", () => {
      const { disk, folder } = make();
      const file = disk.open(`${folder}/a`, "create");
      file.write(utf8("hello world"), 0);
      file.write(utf8("W"), 6);
      file.write(new Uint8Array(0), 100);
      expect(file.size()).toBe(11);
      const middle = new Uint8Array(5);
      expect(file.read(middle, 6)).toBe(5);
      expect(new TextDecoder().decode(middle)).toBe("World");
      file.close();
    });

    it("reads as many bytes as there are before its end, and none behind it", () => {
      const { disk, folder } = make();
      const file = disk.open(`${folder}/a`, "create");
      file.write(utf8("0123456789"), 0);
      const into = new Uint8Array(8).fill(0xff);
      expect(file.read(into, 7)).toBe(3);
      expect([...into]).toEqual([...utf8("789"), 255, 255, 255, 255, 255]);
      expect(file.read(into, 10)).toBe(0);
      expect(file.read(into, 99)).toBe(0);
      expect(file.read(new Uint8Array(0), 0)).toBe(0);
      file.close();
    });

    it("reads zeros where nothing was written", () => {
      const { disk, folder } = make();
      const file = disk.open(`${folder}/a`, "create");
      file.write(utf8("x"), 9000);
      expect(file.size()).toBe(9001);
      const bytes = new Uint8Array(9001).fill(1);
      expect(file.read(bytes, 0)).toBe(9001);
      expect(bytes.findIndex((byte) => byte !== 0)).toBe(9000);
      file.close();
    });

    it("shows a write at once to whoever has it open", () => {
      const { disk, folder } = make();
      const writer = disk.open(`${folder}/a`, "create");
      const reader = disk.open(`${folder}/a`, "read");
      const other = disk.open(`${folder}/a`, "write");
      writer.write(utf8("one"), 0);
      other.write(utf8("two"), 3);
      const into = new Uint8Array(10);
      expect(reader.read(into, 0)).toBe(6);
      expect(new TextDecoder().decode(into.subarray(0, 6))).toBe("onetwo");
      for (const file of [writer, reader, other]) file.close();
    });

    it("can be synced, also while it is written, and closed twice", async () => {
      const { disk, folder } = make();
      const file = disk.open(`${folder}/a`, "create");
      file.write(utf8("one"), 0);
      const first = file.sync();
      file.write(utf8("two"), 3);
      await Promise.all([first, file.sync()]);
      expect(file.size()).toBe(6);
      file.close();
      file.close();
    });

    it("keeps its bytes over many writes of all sizes", () => {
      const { disk, folder } = make();
      const file = disk.open(`${folder}/a`, "create");
      const expected = new Uint8Array(40_000);
      for (let step = 0; step < 200; step++) {
        const position = (step * 7919) % 30_000;
        const bytes = new Uint8Array((step * 31) % 10_000).fill(step + 1);
        expected.set(bytes, position);
        file.write(bytes, position);
      }
      const found = new Uint8Array(file.size());
      expect(file.read(found, 0)).toBe(found.length);
      expect(Buffer.compare(found, expected.subarray(0, found.length))).toBe(0);
      file.close();
    });

    it("goes on living under an open handle when it is removed or replaced", () => {
      const test = make();
      const path = writeFile(test, "a", "old");
      const old = test.disk.open(path, "write");
      test.disk.rename(writeFile(test, "b", "new"), path);
      old.write(utf8("OLD"), 0);
      expect(textOf(test, path)).toBe("new");
      test.disk.remove(path);
      expect(test.disk.exists(path)).toBe(false);
      expect(old.size()).toBe(3);
      old.close();
    });
  });

  describe(`opening on ${name}`, () => {
    it("creates only what is not there, and opens only what is", () => {
      const test = make();
      const path = writeFile(test, "a", "x");
      expect(codeThrown(() => test.disk.open(path, "create"))).toBe("ALREADY_EXISTS");
      const none = `${test.folder}/none`;
      expect(codeThrown(() => test.disk.open(none, "read"))).toBe("NOT_FOUND");
      expect(codeThrown(() => test.disk.open(none, "write"))).toBe("NOT_FOUND");
      expect(codeThrown(() => test.disk.open(`${none}/a`, "create"))).toBe("NOT_FOUND");
      expect(codeThrown(() => test.disk.open(`${path}/a`, "create"))).toBe("IO_FAILED");
      expect(test.disk.exists(`${path}/a`)).toBe(false);
    });

    it("finds nothing under the empty name", () => {
      const { disk } = make();
      expect(codeThrown(() => disk.open("", "read"))).toBe("NOT_FOUND");
      expect(disk.exists("")).toBe(false);
      expect(disk.list("")).toEqual([]);
    });

    it("lets nobody write through a handle for reading", () => {
      const test = make();
      const file = test.disk.open(writeFile(test, "a", "text"), "read");
      expect(codeThrown(() => file.write(utf8("!"), 0))).toBe("IO_FAILED");
      file.close();
      expect(textOf(test, file.path)).toBe("text");
    });

    it("refuses to take a folder for a file", () => {
      const test = make();
      const path = `${test.folder}/folder`;
      test.disk.createFolder(path);
      expect(codeThrown(() => test.disk.open(path, "create"))).toBe("ALREADY_EXISTS");
      expect(codeThrown(() => test.disk.open(path, "write"))).toBe("IO_FAILED");
      const readsIt = () => test.disk.open(path, "read").read(new Uint8Array(1), 0);
      expect(codeThrown(readsIt)).toBe("IO_FAILED");
    });

    it("lets only one of two create a file", () => {
      const { disk, folder } = make();
      const results = [1, 2].map(() =>
        codeThrown(() => disk.open(`${folder}/l`, "create").close()),
      );
      expect(results).toEqual(["nothing thrown", "ALREADY_EXISTS"]);
    });
  });

  describe(`names on ${name}`, () => {
    it("lists a folder in order, and nothing where there is none", () => {
      const test = make();
      for (const file of ["c", "a", "B"]) writeFile(test, file, "");
      test.disk.createFolder(`${test.folder}/b`);
      expect(test.disk.list(test.folder)).toEqual(["B", "a", "b", "c"]);
      expect(test.disk.list(`${test.folder}/none`)).toEqual([]);
      expect(codeThrown(() => test.disk.list(`${test.folder}/a`))).toBe("IO_FAILED");
    });

    it("creates a folder once, and only below one that exists", () => {
      const test = make();
      const path = `${test.folder}/one`;
      test.disk.createFolder(path);
      test.disk.createFolder(path);
      expect(test.disk.list(test.folder)).toEqual(["one"]);
      expect(codeThrown(() => test.disk.createFolder(`${test.folder}/x/y`))).toBe("NOT_FOUND");
      const file = writeFile(test, "file", "");
      expect(codeThrown(() => test.disk.createFolder(file))).toBe("ALREADY_EXISTS");
    });

    it("renames over what was there", () => {
      const test = make();
      const [a, b] = [writeFile(test, "a", "A"), writeFile(test, "b", "B")];
      test.disk.rename(a, b);
      expect(test.disk.list(test.folder)).toEqual(["b"]);
      expect(textOf(test, b)).toBe("A");
      test.disk.rename(b, b);
      expect(textOf(test, b)).toBe("A");
      expect(codeThrown(() => test.disk.rename(a, b))).toBe("NOT_FOUND");
      expect(textOf(test, b)).toBe("A");
    });

    it("moves a folder with what is in it, but not over one that holds something", () => {
      const test = make();
      for (const folder of ["one", "two"]) test.disk.createFolder(`${test.folder}/${folder}`);
      writeFile(test, "one/file", "text");
      test.disk.rename(`${test.folder}/one`, `${test.folder}/three`);
      expect(textOf(test, `${test.folder}/three/file`)).toBe("text");
      const [two, three] = [`${test.folder}/two`, `${test.folder}/three`];
      expect(codeThrown(() => test.disk.rename(two, three))).toBe("IO_FAILED");
      test.disk.rename(three, two);
      expect(test.disk.list(test.folder)).toEqual(["two"]);
      expect(codeThrown(() => test.disk.rename(writeFile(test, "f", ""), two))).toBe("IO_FAILED");
    });

    it("removes files and empty folders, and nothing else", () => {
      const test = make();
      const { disk, folder } = test;
      disk.createFolder(`${folder}/one`);
      const path = writeFile(test, "one/a", "");
      expect(codeThrown(() => disk.removeFolder(`${folder}/one`))).toBe("IO_FAILED");
      expect(codeThrown(() => disk.remove(`${folder}/one`))).toBe("IO_FAILED");
      expect(codeThrown(() => disk.removeFolder(path))).toBe("IO_FAILED");
      disk.remove(path);
      disk.remove(path);
      disk.removeFolder(`${folder}/one`);
      disk.removeFolder(`${folder}/one`);
      expect(disk.list(folder)).toEqual([]);
    });

    it("syncs a folder, but none that is not there", async () => {
      const test = make();
      writeFile(test, "a", "");
      await test.disk.syncFolder(test.folder);
      expect(await codeRejected(test.disk.syncFolder(`${test.folder}/none`))).toBe("NOT_FOUND");
    });
  });

  describe(`a closed file on ${name}`, () => {
    it("refuses everything, also when another one was opened since", async () => {
      const test = make();
      const path = writeFile(test, "a", "first");
      const closed = test.disk.open(path, "write");
      closed.close();
      const other = test.disk.open(writeFile(test, "b", "second"), "write");
      expect(codeThrown(() => closed.write(utf8("X"), 0))).not.toBe("nothing thrown");
      expect(codeThrown(() => closed.read(new Uint8Array(1), 0))).not.toBe("nothing thrown");
      expect(codeThrown(() => closed.size())).not.toBe("nothing thrown");
      expect(await codeRejected(closed.sync())).not.toBe("nothing thrown");
      expect(textOf(test, other.path)).toBe("second");
      other.close();
    });
  });
}
