#!/usr/bin/env node
/**
 * The `reach` command. Everything else is loaded when it is needed, so that `reach --version` and
 * a mistyped word answer as fast as Node starts.
 */
import process from "node:process";
import { run } from "./run.ts";

process.exitCode = await run(process.argv.slice(2));
