/**
 * `reach gc`: gives back the room of payloads that no session names any more, and of what
 * interrupted writes have left.
 */
import { collectGarbage } from "../../session/index.ts";
import type { CommandDefinition } from "../command.ts";
import type { Invocation } from "../invocation.ts";
import { byteSize } from "../quantity.ts";
import { withWriter } from "../sessions.ts";

/** `reach gc`. */
export const gcCommand: CommandDefinition = {
  examples: [["reach gc", "after `reach rm`"]],
  notes: ["Nothing may be writing the data directory; readers are welcome."],
  configure(command, start) {
    command.action(() => start(collect));
  },
};

async function collect(invocation: Invocation): Promise<undefined> {
  const { output } = invocation;
  await withWriter(invocation, {}, async (directory) => {
    const progress = invocation.progress("collecting");
    let report: Awaited<ReturnType<typeof collectGarbage>>;
    try {
      report = await collectGarbage(directory, { onProgress: progress.update });
    } finally {
      progress.clear();
    }
    if (output.json) await output.printObject(report);
    else if (!output.quiet) await output.print(`freed ${byteSize(report.freedBytes)}`);
  });
}
