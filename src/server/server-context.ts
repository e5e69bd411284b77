/**
 * What routes are written against: the framework's instance with schemas as types, and what all
 * routes share.
 */
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from "fastify";
import type { ServerMetrics } from "./metrics.ts";
import type { ServerConfig } from "./server-options.ts";
import type { Workspace } from "./workspace.ts";

/** The framework's instance, with schemas as types. */
export type ServerApp = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** What routes share. */
export interface ServerContext {
  readonly config: ServerConfig;
  readonly version: string;
  readonly workspaces: ReadonlyMap<string, Workspace>;
  readonly metrics: ServerMetrics;
  /** Set while the server takes requests that begin something. */
  readonly life: { phase: "starting" | "ready" | "stopping" };
}
