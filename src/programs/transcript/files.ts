/**
 * Files in the inputs of tools. A use is counted when the tool is called, whether it succeeds or
 * not: that the agent reached for a file is what a reader wants to know.
 */
import type { Facts, FileUse } from "./facts.ts";
import { itemsOf, type Members, membersOf, parsedMembers, textOf } from "./shape.ts";

/** Tools that name one file, in lower case, as several agents call them. */
const uses: ReadonlyMap<string, FileUse> = new Map<string, FileUse>([
  ["read", "read"],
  ["read_file", "read"],
  ["readfile", "read"],
  ["read_many_files", "read"],
  ["notebookread", "read"],
  ["view", "read"],
  ["view_file", "read"],
  ["view_image", "read"],
  ["open", "read"],
  ["open_file", "read"],
  ["write", "write"],
  ["write_file", "write"],
  ["write_to_file", "write"],
  ["writefile", "write"],
  ["create", "write"],
  ["create_file", "write"],
  ["delete_file", "write"],
  ["edit", "edit"],
  ["edit_file", "edit"],
  ["multiedit", "edit"],
  ["notebookedit", "edit"],
  ["replace", "edit"],
  ["replace_in_file", "edit"],
  ["search_replace", "edit"],
  ["apply_diff", "edit"],
  ["insert", "edit"],
  ["str_replace", "edit"],
]);

/** Editors that say in `command` what they do. */
const editors: ReadonlySet<string> = new Set([
  "str_replace_editor",
  "str_replace_based_edit_tool",
  "str_replace_based_edit",
  "file_editor",
  "text_editor",
  "fileeditoraction",
]);

const commands: ReadonlyMap<string, FileUse> = new Map<string, FileUse>([
  ["view", "read"],
  ["create", "write"],
  ["str_replace", "edit"],
  ["insert", "edit"],
  ["undo_edit", "edit"],
]);

const pathMembers = [
  "file_path",
  "path",
  "notebook_path",
  "filePath",
  "absolute_path",
  "target_file",
  "filename",
] as const;

/** Says which files a call of `tool` touches; `input` is an object, or a JSON text of one. */
export function filesIn(tool: string, input: unknown, facts: Facts): void {
  if (input === undefined || input === null) return;
  const name = tool.length <= 64 ? tool.toLowerCase() : "";
  const use = uses.get(name);
  const editor = editors.has(name);
  if (use || editor) {
    const members = parsedMembers(input);
    const path = pathOf(members);
    const did = use ?? commands.get(textOf(members["command"]) ?? "");
    if (path !== undefined && did) facts.file(path, did);
  } else patchIn(input, facts);
}

/** The path that an input names, under any of its usual names. */
function pathOf(members: Members): string | undefined {
  for (const member of pathMembers) {
    const path = textOf(members[member]);
    if (path !== undefined) return path;
  }
  return undefined;
}

const patchStart = "*** Begin Patch";
const patchLine = /^\*\*\* (Add|Update|Delete) File: (.{1,4096}?)\r?$/gm;
const patchCharsMax = 4_194_304;
const patchFilesMax = 256;

/** A patch in the text of an input, in a member of it, or in its list of arguments. */
function patchIn(input: unknown, facts: Facts): void {
  if (typeof input === "string") {
    if (!input.includes(patchStart)) return;
    const members = parsedMembers(input);
    const inside = Object.values(members);
    if (inside.length === 0) patchFiles(input, facts);
    for (const value of inside) patchInValue(value, facts);
    return;
  }
  const members = membersOf(input);
  for (const member of ["input", "patch", "command", "cmd", "code"] as const) {
    patchInValue(members[member], facts);
  }
}

function patchInValue(value: unknown, facts: Facts): void {
  if (typeof value === "string") {
    if (value.includes(patchStart)) patchFiles(value, facts);
    return;
  }
  const items = itemsOf(value);
  for (let i = 0; i < items.length && i < 16; i++) {
    const item = items[i];
    if (typeof item === "string" && item.includes(patchStart)) patchFiles(item, facts);
  }
}

function patchFiles(patch: string, facts: Facts): void {
  let found = 0;
  for (const match of patch.slice(0, patchCharsMax).matchAll(patchLine)) {
    if (++found > patchFilesMax) return;
    facts.file((match[2] ?? "").trim(), match[1] === "Update" ? "edit" : "write");
  }
}

const skills: ReadonlyMap<string, FileUse> = new Map<string, FileUse>([
  ["open_file", "read"],
  ["create_file", "write"],
  ["append_file", "edit"],
  ["edit_file_by_replace", "edit"],
  ["insert_content_at_line", "edit"],
]);

const skillCall = /\b([a-z_]{9,22})\(\s*(?:file_name=)?['"]([^'"\n]{1,4096})['"]/g;

/** The file functions that OpenHands gives to Python code: `open_file('src/a.py')`. */
export function filesInPython(code: string, facts: Facts): void {
  let found = 0;
  for (const match of code.slice(0, patchCharsMax).matchAll(skillCall)) {
    const use = skills.get(match[1] ?? "");
    if (use === undefined) continue;
    facts.file(match[2] ?? "", use);
    if (++found >= patchFilesMax) return;
  }
}
