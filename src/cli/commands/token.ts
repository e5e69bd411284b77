/**
 * `reach token`: who may ask the server. A token is shown once; what is kept of it opens nothing.
 * Works beside a running server.
 */
import type { Command } from "commander";
import { ReachError } from "../../base/index.ts";
import { nodeDisk } from "../../disk/index.ts";
import { isScope, type Scope, scopes, type TokenRecord, TokenStore } from "../../server/index.ts";
import type { CommandDefinition } from "../command.ts";
import type { Invocation } from "../invocation.ts";
import { timestamp } from "../quantity.ts";
import { table } from "../table.ts";
import { workspacesIn } from "../workspaces.ts";

interface CreateFlags {
  readonly name: string;
  readonly scope: readonly Scope[];
  readonly days?: number;
}

/** `reach token`. */
export const tokenCommand: CommandDefinition = {
  examples: [
    ["reach token create --name ci --scope sessions:read", "is shown once"],
    ["reach token ls", "without the secrets, which nobody knows"],
    ["reach token revoke 3f9c01d27b44", "servers refuse it within a second"],
  ],
  notes: [
    `Scopes: ${scopes.join(", ")}; admin may do everything in its workspace, which --workspace ` +
      "names. As soon as there is one token, the server wants one from everybody.",
    'With --json: {"id", "workspace", "name", "scopes", "created", "expires"}, and "token" ' +
      "where it is created.",
  ],
  configure(command: Command, start) {
    command
      .command("create")
      .description("make a token and print it, this once")
      .requiredOption("--name <name>", "what to call it in lists")
      .requiredOption("--scope <scope>", "what it may do; repeat for more", collectScope)
      .option("--days <days>", "it expires after so many days (default: never)", parseDays)
      .action((flags: CreateFlags) => start((invocation) => create(invocation, flags)));
    command
      .command("ls")
      .description("list the tokens")
      .action(() => start(list));
    command
      .command("revoke")
      .description("make a token worthless")
      .argument("<id>", "12 hexadecimal digits, as `reach token ls` shows them")
      .action((id: string) => start((invocation) => revoke(invocation, id)));
  },
};

function collectScope(text: string, before: readonly Scope[] = []): Scope[] {
  if (isScope(text)) return [...before, text];
  throw new ReachError("USAGE", `there is no scope ${text}`, {
    hint: `there are ${scopes.join(", ")}`,
  });
}

function parseDays(text: string): number {
  const days = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (days > 0) return days;
  throw new ReachError("USAGE", `${text} is no number of days`);
}

function storeOf({ settings }: Invocation): TokenStore {
  return new TokenStore(nodeDisk, settings.data.value);
}

async function create(
  invocation: Invocation,
  { name, scope, days }: CreateFlags,
): Promise<undefined> {
  const { output, settings } = invocation;
  const workspace = settings.workspace.value;
  const expires = days === undefined ? null : Date.now() + days * 86_400_000;
  const request = { workspace, name, scopes: scope, expires };
  const { record, token } = await storeOf(invocation).create(request);
  if (output.json) await output.printObject({ ...record, token });
  else await output.print(token);
  output.note(`token ${record.id}: this is the only time it is shown`);
  if (!workspacesIn(settings.data.value).includes(workspace)) {
    output.note(
      `workspace ${workspace} is not there yet: the next start of \`reach serve\` makes it`,
    );
  }
  return undefined;
}

async function list(invocation: Invocation): Promise<undefined> {
  const { output } = invocation;
  const records = storeOf(invocation).list();
  if (output.json) await output.printObject({ tokens: records });
  else if (output.quiet) await output.print(...records.map(({ id }) => id));
  else if (records.length === 0)
    output.note("there are no tokens: the server serves this machine only");
  else await output.print(...table(columns, records.map(rowOf)));
  return undefined;
}

const columns = [
  { heading: "ID" },
  { heading: "NAME" },
  { heading: "WORKSPACE" },
  { heading: "CREATED" },
  { heading: "EXPIRES" },
  { heading: "SCOPES" },
] as const;

function rowOf({ id, name, workspace, created, expires, scopes }: TokenRecord): string[] {
  const until = expires === null ? "never" : timestamp(expires);
  return [id, name, workspace, timestamp(created), until, scopes.join(" ")];
}

async function revoke(invocation: Invocation, id: string): Promise<undefined> {
  await storeOf(invocation).revoke(id);
  if (invocation.output.json) await invocation.output.printObject({ id, revoked: true });
  else invocation.output.note(`token ${id} is worthless now`);
  return undefined;
}
