/**
 * The workspaces of a data directory: folders of it that have keys, since something has been
 * written to them.
 */
import * as fs from "node:fs";
import { isWorkspaceName } from "../base/index.ts";
import { nodeDisk } from "../disk/index.ts";
import { hasIdentity } from "../session/index.ts";

/** Their names, in order; none where there is no such directory. */
export function workspacesIn(data: string): string[] {
  if (!fs.statSync(data, { throwIfNoEntry: false })?.isDirectory()) return [];
  const found = fs.readdirSync(data, { withFileTypes: true });
  const names = found.flatMap((entry) => {
    const named = entry.isDirectory() && isWorkspaceName(entry.name);
    return named && hasIdentity(nodeDisk, `${data}/${entry.name}`) ? [entry.name] : [];
  });
  return names.sort();
}
