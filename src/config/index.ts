/** The configuration of a project, and the file it is loaded from. */
export { findConfig, type LoadedConfig, loadConfig } from "./config-file.ts";
export { defineConfig, type ReachConfig, type ServerSettings } from "./reach-config.ts";
