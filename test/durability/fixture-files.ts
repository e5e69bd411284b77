/**
 * The files of `fixtures/v1`, made anew: two data directories, bundles of some of their sessions,
 * and `expected.json`, which says what is in them. `tools/fixtures.ts` writes them; a test compares
 * them with what is there, since a change of a single byte is a change of the format.
 */
import { type SessionId, toHex, utf8 } from "../../src/base/index.ts";
import { Directory, exportBundle } from "../../src/session/index.ts";
import { MemoryDisk } from "./memory-disk.ts";
import {
  type DirectoryName,
  fixedClock,
  fixedEntropy,
  fixtureProgram,
  processNumber,
  type SessionIds,
  smallSizes,
  workspace,
  writeClean,
  writeCrashed,
} from "./small-directories.ts";

/** What a session holds. */
export interface ExpectedSession {
  readonly name: string;
  readonly id: SessionId;
  readonly events: number;
  /** Root over all events, hexadecimal. */
  readonly root: string;
  readonly signedSize: number;
  readonly snapshots: readonly number[];
  /** Seq of the first event in doubt, where the session is in quarantine. */
  readonly quarantine: number | null;
}

/** What a data directory holds once it has been opened for writing. */
export interface ExpectedDirectory {
  readonly verifierKey: string;
  /** All folders: those that are empty do not get into a repository. */
  readonly folders: readonly string[];
  readonly sessions: readonly ExpectedSession[];
  readonly removed: readonly SessionId[];
  /** Whether recovery finds a group that was torn, and sessions whose import it cuts. */
  readonly torn: boolean;
  readonly cut: readonly SessionId[];
}

/** The content of `expected.json`. */
export interface Expected {
  readonly format: 1;
  readonly directories: Readonly<Record<DirectoryName, ExpectedDirectory>>;
  readonly bundles: readonly {
    readonly file: string;
    readonly id: SessionId;
    readonly events: number;
    readonly root: string;
  }[];
}

const root = "/data/fixtures";
const bundled = ["recorded", "imported", "snapshots"];

/** Every file by its path below `fixtures/v1`. */
export async function fixtureFiles(): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  const clean = await directoryFiles("clean", writeClean, files);
  const crashed = await directoryFiles("crashed", writeCrashed, files);
  const bundles = await bundleFiles(clean.disk, clean.ids, files);
  const directories = { clean: clean.expected, crashed: crashed.expected };
  const expected: Expected = { format: 1, directories, bundles };
  files.set("expected.json", utf8(`${JSON.stringify(expected, null, 2)}\n`));
  return files;
}

function open(disk: MemoryDisk): Promise<Directory> {
  return Directory.open({
    path: root,
    mode: "write",
    workspace,
    disk,
    clock: fixedClock(),
    entropy: fixedEntropy("afterwards"),
    processes: processNumber(1000),
    sizes: smallSizes,
  });
}

async function directoryFiles(
  name: DirectoryName,
  write: (disk: MemoryDisk, path: string) => Promise<SessionIds>,
  files: Map<string, Uint8Array>,
) {
  const disk = MemoryDisk.create(root);
  const ids = await write(disk, root);
  for (const path of disk.paths()) {
    // The reserve holds nothing, and is made again.
    if (path.endsWith("/reserve")) continue;
    files.set(`${name}/${path.slice(root.length + 1)}`, disk.bytesOf(path));
  }
  return { disk, ids, expected: await expectedOf(disk.copy(), ids) };
}

async function expectedOf(disk: MemoryDisk, ids: SessionIds): Promise<ExpectedDirectory> {
  const below = disk.folders().filter((folder) => folder.startsWith(`${root}/`));
  const directory = await open(disk);
  const living = new Set(directory.sessionIds());
  const all = Object.entries(ids);
  const expected = {
    verifierKey: directory.identity.verifierKey,
    folders: below.map((folder) => folder.slice(root.length + 1)),
    sessions: all
      .filter(([, id]) => living.has(id))
      .map(([name, id]) => expectedSession(directory, name, id)),
    removed: all.filter(([, id]) => !living.has(id)).map(([, id]) => id),
    torn: directory.recovery?.torn !== undefined,
    cut: directory.recovery?.cut.map(({ id }) => id) ?? [],
  };
  directory.crash();
  return expected;
}

/** What a session of an open directory holds. */
export function expectedSession(
  directory: Directory,
  name: string,
  id: SessionId,
): ExpectedSession {
  const reader = directory.session(id);
  try {
    return {
      name,
      id,
      events: reader.size,
      root: toHex(reader.computedRoot()),
      signedSize: reader.checkpoint()?.size ?? 0,
      snapshots: reader.snapshots(fixtureProgram).map(({ size }) => size),
      quarantine: reader.quarantine?.seq ?? null,
    };
  } finally {
    reader.close();
  }
}

async function bundleFiles(
  disk: MemoryDisk,
  ids: SessionIds,
  files: Map<string, Uint8Array>,
): Promise<Expected["bundles"]> {
  const directory = await open(disk.copy());
  const bundles: Expected["bundles"][number][] = [];
  for (const name of bundled) {
    const id = ids[name] as SessionId;
    const pieces: Uint8Array[] = [];
    const keep = (bytes: Uint8Array): void => {
      pieces.push(bytes.slice());
    };
    const { events } = await exportBundle(directory, id, keep, {
      snapshots: true,
      programs: [fixtureProgram],
    });
    const file = `bundles/${name}.bundle`;
    files.set(file, new Uint8Array(Buffer.concat(pieces)));
    bundles.push({ file, id, events, root: expectedSession(directory, name, id).root });
  }
  directory.crash();
  return bundles;
}
