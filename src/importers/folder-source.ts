/**
 * A folder as one source: its files, one behind the other. What is in it and is no file to import
 * is left out, and told.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { ReachError } from "../base/index.ts";
import { compareNames } from "./file-order.ts";
import type { Source } from "./source.ts";
import { unreadable } from "./unreadable.ts";

/** Names that are told of what was left out; of the others only the number is. */
const namesTold = 5;

/** What a folder holds: files in order, with their sizes, and why the others are none. */
interface Content {
  readonly files: { readonly path: string; readonly size: number }[];
  readonly leftOut: string[];
}

/** The files of a folder, by name and number, as one source. */
export function folderSource(folder: string, name: string): Source {
  const { files, leftOut } = contentOf(folder);
  const problems = leftOut.length === 0 ? [] : [`left out of ${name}: ${listed(leftOut)}`];
  if (files.length === 0) {
    throw new ReachError("SOURCE_UNREADABLE", `the folder ${folder} holds no files`, {
      where: folder,
      hint: problems[0] ?? "give a folder with files in it",
    });
  }
  const size = files.reduce((sum, file) => sum + file.size, 0);
  async function* whole(): AsyncGenerator<Uint8Array> {
    for (const file of files) yield await readWhole(file.path);
  }
  async function* open(offset: number): AsyncGenerator<Uint8Array> {
    let skip = offset;
    for await (const bytes of whole()) {
      if (skip < bytes.length) yield bytes.subarray(skip);
      skip = Math.max(0, skip - bytes.length);
    }
  }
  return { name, size, reopenable: true, open, files: whole, fileCount: files.length, problems };
}

function contentOf(folder: string): Content {
  const content: Content = { files: [], leftOut: [] };
  const byName = (a: fs.Dirent, b: fs.Dirent): number => compareNames(a.name, b.name);
  for (const entry of entriesOf(folder).sort(byName)) {
    const file = path.join(folder, entry.name);
    const stat = statOf(file, entry);
    if (typeof stat === "string") content.leftOut.push(`${entry.name} (${stat})`);
    else content.files.push({ path: file, size: stat.size });
  }
  return content;
}

function entriesOf(folder: string): fs.Dirent[] {
  try {
    return fs.readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    throw unreadable(folder, error);
  }
}

/** Of a file, also behind a link; of anything else what it is. */
function statOf(file: string, entry: fs.Dirent): fs.Stats | string {
  if (entry.name.startsWith(".")) return "hidden";
  try {
    const stat = fs.statSync(file);
    if (stat.isFile()) return stat;
    return stat.isDirectory() ? "a folder" : "no file";
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const leadsNowhere = entry.isSymbolicLink() && (code === "ENOENT" || code === "ELOOP");
    if (leadsNowhere) return "a link that leads nowhere";
    throw unreadable(file, error);
  }
}

function listed(names: readonly string[]): string {
  const told = names.slice(0, namesTold).join(", ");
  return names.length > namesTold ? `${told} and ${names.length - namesTold} more` : told;
}

async function readWhole(file: string): Promise<Uint8Array> {
  try {
    return await fs.promises.readFile(file);
  } catch (error) {
    throw unreadable(file, error);
  }
}
