/**
 * `reach send`: gives an input to a session that a server runs, once for each key, and ends when it
 * is durable. Here and now `reach run --resume` does that.
 */
import type { Command } from "commander";
import type { CommandDefinition } from "../command.ts";
import type { Invocation } from "../invocation.ts";
import { resolveRemote, serverOf } from "../remote.ts";
import { exactNumbers, sentInput } from "../run-inputs.ts";

interface SendFlags {
  readonly key?: string;
}

/** `reach send`. */
export const sendCommand: CommandDefinition = {
  examples: [
    [
      `reach send 0199c1f2 approval='{"by":"me"}' --url http://host:4320`,
      "what the session waits for",
    ],
    ["reach send 0199c1f2 document=@contract.json --url http://host:4320", "JSON from a file"],
    ["reach send 0199c1f2 go --key go-17 --url http://host:4320", "null; once, however often"],
  ],
  notes: [
    "Ends when the input is durable; `reach tail ID -f` shows what comes of it. A session takes " +
      "inputs of every type, in their order, and one that has ended refuses them. In the data " +
      "directory `reach run --resume ID --send TYPE=JSON` does the same.",
    exactNumbers,
    'With --json: {"id", "seq", "duplicate"}; a duplicate was taken before. With --quiet: the id.',
  ],
  configure(command: Command, start) {
    command
      .argument("<id>", "session, by id or a unique beginning of one")
      .argument("<type=json>", "the input; TYPE=@FILE, or TYPE alone for null")
      .option("--key <key>", "the same key again gives nothing (default: a new one)")
      .action((id: string, input: string, flags: SendFlags) => {
        return start((invocation) => send(invocation, id, input, flags));
      });
  },
};

async function send(
  invocation: Invocation,
  text: string,
  input: string,
  { key }: SendFlags,
): Promise<undefined> {
  const { output } = invocation;
  const instead = "have the session go on here: `reach run --resume ID --send TYPE=JSON`";
  const client = serverOf(invocation, "reach send", instead);
  const { type, data } = sentInput(input, "");
  const id = await resolveRemote(client, text);
  const { seq, duplicate } = await client.send(id, type, data, key === undefined ? {} : { key });
  if (output.json) await output.printObject({ id, seq, duplicate });
  else if (output.quiet) await output.print(id);
  else {
    const word = duplicate ? "sent before" : "sent";
    await output.print(`${word}   as event ${seq}   id ${output.style("bold", id)}`);
  }
}
