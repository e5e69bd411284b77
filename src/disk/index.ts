/** The file system: a port, the driver for this machine, and files that are whole or not there. */
export { builtFile, publicEntry } from "./built-file.ts";
export type { Disk, DiskFile, OpenMode } from "./disk.ts";
export {
  createFolders,
  cutFile,
  dropTemporary,
  folderOf,
  type LockCheck,
  readFile,
  replaceFile,
  syncFolders,
  temporarySuffix,
} from "./durable.ts";
export { nodeDisk } from "./node-disk.ts";
