/**
 * The programs of an engine: those that can be started by name, and those that sessions in the
 * store were started with. The code of every session that ever ran lies in the blob store, named by
 * the manifest, so a session goes on with the code it began with whatever became of the files.
 */
import { ReachError, toHex, utf8 } from "../base/index.ts";
import { type LoadedProgram, storedProgram } from "../runtime/index.ts";
import type { Directory, Manifest, ManifestProgram } from "../session/index.ts";
import type { ProgramOrder } from "./host/orders.ts";

/** Programs from the store whose code is kept at hand. */
const keptMax = 64;

/** Programs by name and by hash. */
export class ProgramShelf {
  readonly #directory: Directory;
  readonly #runtime: string;
  readonly #byName = new Map<string, LoadedProgram>();
  readonly #orders = new Map<string, ProgramOrder>();
  readonly #stored = new Map<string, Promise<ManifestProgram>>();

  constructor(directory: Directory, runtime: string, programs: readonly LoadedProgram[]) {
    this.#directory = directory;
    this.#runtime = runtime;
    for (const program of programs) this.#byName.set(program.name, program);
  }

  /** The program to start. Throws `NOT_FOUND` for a name that nobody registered. */
  find(program: string | LoadedProgram): LoadedProgram {
    if (typeof program !== "string") return program;
    const found = this.#byName.get(program);
    if (found) return found;
    const known = [...this.#byName.keys()].join(", ");
    throw new ReachError("NOT_FOUND", `there is no program "${program}"`, {
      hint: known === "" ? "no programs are registered" : `registered are: ${known}`,
    });
  }

  /** Names of the programs that can be started. */
  names(): string[] {
    return [...this.#byName.keys()];
  }

  /** What a manifest says about a program, once its code is durable in the store. */
  store(program: LoadedProgram): Promise<ManifestProgram> {
    const key = toHex(program.hash);
    const stored = this.#stored.get(key);
    if (stored !== undefined) return stored;
    const storing = this.#store(program);
    this.#stored.set(key, storing);
    storing.catch(() => this.#stored.delete(key));
    return storing;
  }

  async #store({ name, version, hash, where, code, map }: LoadedProgram): Promise<ManifestProgram> {
    if (code === null) {
      throw new ReachError("PROGRAM_INVALID", `${name} is built in and has no steps to run`);
    }
    const [bundle, mapHash] = await Promise.all([
      this.#directory.keepPayload(utf8(code)),
      this.#directory.keepPayload(utf8(map ?? "")),
    ]);
    const program = toHex(hash);
    this.#keep({ kind: "program", program, hash, where, code, map });
    return { name, version, bundle, map: mapHash, runtime: this.#runtime };
  }

  /** The order that gives a place the program of a session. Throws `BLOB_MISSING`, `USAGE`. */
  orderOf(manifest: Manifest): ProgramOrder {
    const { id, program } = manifest;
    if (!program) {
      throw new ReachError("USAGE", `session ${id} is recorded: no program runs it`, { where: id });
    }
    const key = toHex(program.bundle);
    const known = this.#orders.get(key);
    if (known) return known;
    const { hash, where, code, map } = storedProgram(this.#directory, program);
    return this.#keep({ kind: "program", program: key, hash, where, code, map });
  }

  #keep(order: ProgramOrder): ProgramOrder {
    if (this.#orders.size >= keptMax) {
      this.#orders.delete(this.#orders.keys().next().value as string);
    }
    this.#orders.set(order.program, order);
    return order;
  }
}
