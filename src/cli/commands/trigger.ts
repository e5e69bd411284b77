/**
 * `reach trigger`: begins a session of a program on a server, once for each key, and prints its id.
 * What it does can be followed with `reach tail`.
 */
import type { Command } from "commander";
import type { CommandDefinition } from "../command.ts";
import type { Invocation } from "../invocation.ts";
import { serverOf } from "../remote.ts";
import { exactNumbers, jsonValue } from "../run-inputs.ts";

interface TriggerFlags {
  readonly input?: string;
  readonly name?: string;
  readonly key?: string;
}

/** `reach trigger`. */
export const triggerCommand: CommandDefinition = {
  examples: [
    [
      `reach trigger agent --url http://host:4320 --input '{"prompt":"hello"}'`,
      "prints the id of the session",
    ],
    ["reach trigger agent --url http://host:4320 --key order-17", "once, however often it is sent"],
  ],
  notes: [
    "The program is one that the server knows by this name. Ends when the trigger is durable; " +
      "`reach tail ID -f` shows what it does. `reach run` runs a program here and now.",
    exactNumbers,
  ],
  configure(command: Command, start) {
    command
      .argument("<program>", "name of a program of the server")
      .option("--input <json>", "what the trigger carries, or @file (default: null)")
      .option("--name <name>", "what people call the session")
      .option("--key <key>", "the same key again begins nothing (default: a new one)")
      .action((program: string, flags: TriggerFlags) => {
        return start((invocation) => trigger(invocation, program, flags));
      });
  },
};

async function trigger(
  invocation: Invocation,
  program: string,
  { input, name, key }: TriggerFlags,
): Promise<undefined> {
  const client = serverOf(invocation, "reach trigger", "run the program here: `reach run`");
  const value = jsonValue(input ?? "null", "--input");
  const { id } = await client.trigger(program, value, {
    ...(name === undefined ? {} : { name }),
    ...(key === undefined ? {} : { key }),
  });
  if (invocation.output.json) await invocation.output.printObject({ id });
  else await invocation.output.print(id);
}
