/**
 * `reach blob get`: a payload above 4 KiB, by the SHA-256 of its bytes. They are verified on the
 * way out.
 */
import type { Command } from "commander";
import { codeOf, fromHex, ReachError } from "../../base/index.ts";
import { type CommandDefinition, parseOutput } from "../command.ts";
import type { Invocation } from "../invocation.ts";
import { writeResult } from "../output-file.ts";
import { byteSize } from "../quantity.ts";
import { withReader } from "../sessions.ts";

interface BlobFlags {
  readonly output?: string;
}

/** `reach blob`. */
export const blobCommand: CommandDefinition = {
  examples: [
    ["reach blob get 5f1c…9a -o payload.json", "64 hexadecimal digits, as `events` shows them"],
    ["reach blob get 5f1c…9a | jq .message", ""],
  ],
  notes: [
    'With --json: {"sha256", "size", "text"}; for bytes that are no UTF-8 "base64" instead, ' +
      'with -o "file".',
  ],
  configure(command: Command, start) {
    command
      .command("get")
      .description("write a payload to stdout or a file")
      .argument("<sha256>", "name of the payload")
      .option("-o, --output <file>", "write to this file", parseOutput)
      .action((name: string, flags: BlobFlags) => {
        return start((invocation) => getBlob(invocation, name, flags));
      });
  },
};

async function getBlob(
  invocation: Invocation,
  name: string,
  { output: file }: BlobFlags,
): Promise<undefined> {
  const { output } = invocation;
  const sha256 = fromHex(name);
  if (sha256?.length !== 32) {
    throw new ReachError("USAGE", `"${name}" is not the name of a payload`, {
      hint: "it has 64 hexadecimal digits: `reach events ID --payload ref --ndjson` shows them",
    });
  }
  await withReader(invocation, async (directory) => {
    const bytes = payloadBytes(directory.blobs, sha256, name);
    const about = { sha256: name.toLowerCase(), size: bytes.length };
    if (output.json && file === undefined) {
      await output.printObject({ ...about, ...bytesObject(bytes) });
      return;
    }
    const binary = textOf(bytes) === undefined;
    await writeResult(output, { file, binary }, async (sink) => sink(bytes));
    if (file === undefined || file === "-") return;
    if (output.json) await output.printObject({ ...about, file });
    else output.note(`wrote ${byteSize(bytes.length)} to ${file}`);
  });
}

function payloadBytes(
  blobs: { get(sha256: Uint8Array): Uint8Array },
  sha256: Uint8Array,
  name: string,
): Uint8Array {
  try {
    return blobs.get(sha256);
  } catch (error) {
    if (codeOf(error) !== "BLOB_MISSING") throw error;
    // Nobody has said that it should be here: that is not damage.
    throw new ReachError("NOT_FOUND", `there is no payload ${name}`, {
      hint: "payloads up to 4 KiB lie in their events: `reach events` shows them",
      cause: error,
    });
  }
}

function bytesObject(bytes: Uint8Array): object {
  const text = textOf(bytes);
  if (text !== undefined) return { text };
  return { base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64") };
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The bytes as text, if that is what they are. */
function textOf(bytes: Uint8Array): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
