/** The HTTP server: sessions triggered, observed and verified from anywhere. */
export { allows, isScope, type Scope, scopes } from "./access/scopes.ts";
export { type NewToken, type TokenRecord, TokenStore } from "./access/token-store.ts";
export { type Address, checkAddress } from "./address.ts";
export { createServer } from "./create-server.ts";
export type { SessionEngine } from "./engine-port.ts";
export type { ReachServer } from "./reach-server.ts";
export {
  defaultConfig,
  type ServerConfig,
  type ServerOptions,
  type WorkspaceSource,
} from "./server-options.ts";
