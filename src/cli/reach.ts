#!/usr/bin/env node
/**
 * The `reach` command. Everything else is loaded when it is needed, so that `reach --version` and
 * a mistyped word answer as fast as Node starts.
 */
import process from "node:process";
import { run } from "./run.ts";

process.exitCode = await run(process.argv.slice(2));
// What a configuration has opened, a timer or connections, would keep the command for ever.
process.stdout.write("", () => process.stderr.write("", () => process.exit()));
