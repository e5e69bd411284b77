/**
 * `reach.config.ts`: what a project tells Reach about itself: its effects, its programs, where its
 * data is, how its server listens. Checked when it is loaded, so that a mistake is found before
 * anything runs.
 */
import { messageOf, ReachError } from "../base/index.ts";
import { type EffectMap, EffectRegistry } from "../effects/index.ts";

/** How `reach serve` listens, and where programs run. Flags and the environment come first. */
export interface ServerSettings {
  readonly host?: string;
  readonly port?: number;
  /** Origins that pages in browsers may ask from. */
  readonly cors?: readonly string[];
  /** Runner processes, and threads in each. Default: a process for every two cores, two threads. */
  readonly runners?: { readonly processes: number; readonly threads: number };
  /** Triggers a second that are taken in each workspace, and of each program in it. */
  readonly rates?: { readonly workspace?: number; readonly program?: number };
}

/** A configuration. All of it is optional; paths are relative to the file. */
export interface ReachConfig {
  /** The data directory. */
  readonly data?: string;
  /** What programs can call, by name. */
  readonly effects?: EffectMap;
  /** Files of programs that `reach serve` runs. */
  readonly programs?: readonly string[];
  readonly server?: ServerSettings;
}

/** Declares a configuration; it returns its argument, for the types. */
export function defineConfig(config: ReachConfig): ReachConfig {
  return config;
}

/** A configuration whose settings have been looked at. */
export interface CheckedConfig extends ReachConfig {
  readonly registry: EffectRegistry;
}

const known = ["data", "effects", "programs", "server"];
const knownOfServer = ["host", "port", "cors", "runners", "rates"];
const knownOfRates = ["workspace", "program"];

/** Throws `CONFIG_INVALID`; `file` is named in what it says. */
export function checkConfig(value: unknown, file: string): CheckedConfig {
  const invalid = (message: string, hint: string): ReachError =>
    new ReachError("CONFIG_INVALID", `${file}: ${message}`, { where: file, hint });
  if (value instanceof Promise) {
    throw invalid("it exports a promise", "wait for it: export default await …");
  }
  if (!isObject(value)) {
    throw invalid("it exports no configuration", "end it with: export default defineConfig({ … })");
  }
  checkNames(value, known, "", invalid);
  const { data, programs = [], server = {}, effects = {} } = value as ReachConfig;
  if (data !== undefined && (typeof data !== "string" || data === "")) {
    throw invalid("`data` is no path", "give the folder of the data directory");
  }
  if (!Array.isArray(programs) || programs.some((one) => typeof one !== "string")) {
    throw invalid("`programs` is no list of paths", 'for example: programs: ["agent.ts"]');
  }
  if (!isObject(effects)) {
    throw invalid(
      "`effects` is no object",
      'for example: effects: { "llm.chat": async (input) => … }',
    );
  }
  if (!isObject(server)) throw invalid("`server` is no object", "see docs/PROGRAMS.md");
  checkNames(server, knownOfServer, "server.", invalid);
  checkServer(server, invalid);
  checkRates(server.rates, invalid);
  try {
    return { ...(value as ReachConfig), registry: new EffectRegistry(effects) };
  } catch (error) {
    const hint = error instanceof ReachError ? (error.hint ?? "") : "";
    throw invalid(messageOf(error), hint);
  }
}

type Invalid = (message: string, hint: string) => ReachError;

function checkNames(
  value: object,
  names: readonly string[],
  before: string,
  invalid: Invalid,
): void {
  for (const name of Object.keys(value)) {
    if (names.includes(name)) continue;
    const message = `there is no setting \`${before}${name}\``;
    throw invalid(message, `there are ${names.map((one) => before + one).join(", ")}`);
  }
}

function checkServer({ host, port, cors = [], runners }: ServerSettings, invalid: Invalid): void {
  if (host !== undefined && typeof host !== "string") {
    throw invalid("`server.host` is no address", 'for example: "127.0.0.1"');
  }
  if (port !== undefined && !isCount(port, 0, 65_535)) {
    throw invalid("`server.port` is no port", "it should be a number from 0 to 65535");
  }
  if (!Array.isArray(cors) || cors.some((one) => !/^https?:\/\/[^/]+$/.test(String(one)))) {
    throw invalid("`server.cors` is no list of origins", 'for example: ["https://example.com"]');
  }
  if (runners === undefined) return;
  if (isCount(runners.processes, 1, 256) && isCount(runners.threads, 1, 64)) return;
  throw invalid("`server.runners` makes no sense", "for example: { processes: 1, threads: 2 }");
}

function checkRates(rates: ServerSettings["rates"], invalid: Invalid): void {
  if (rates === undefined) return;
  if (!isObject(rates)) {
    throw invalid("`server.rates` is no object", "for example: { workspace: 200, program: 50 }");
  }
  checkNames(rates, knownOfRates, "server.rates.", invalid);
  for (const [name, rate] of Object.entries(rates)) {
    if (rate === undefined || isCount(rate, 1, 1_000_000)) continue;
    const message = `\`server.rates.${name}\` is no rate`;
    throw invalid(message, "it should be a number of triggers a second, at least 1");
  }
}

function isCount(value: unknown, least: number, most: number): boolean {
  return Number.isInteger(value) && Number(value) >= least && Number(value) <= most;
}

/** Whether settings are its properties: those of a `Map` or a promise would pass for none. */
function isObject(value: unknown): value is object {
  const kind = Object.prototype.toString.call(value);
  return kind === "[object Object]" || kind === "[object Module]";
}
