/**
 * The server put together: the framework with its limits, who may ask, what bodies are, how errors
 * look, then the routes. Nothing listens yet: see `ReachServer.listen`.
 */
import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import fastify, { type FastifyBaseLogger, type FastifyServerOptions, LogController } from "fastify";
import { assert, limits } from "../base/index.ts";
import { addAccess, type Door } from "./access/access.ts";
import { addressError, checkLoopback } from "./address.ts";
import { addContentTypes } from "./content.ts";
import { addCors } from "./cors.ts";
import { addDocRoutes } from "./doc-pages.ts";
import { addContinue, isUploading } from "./imports/upload-socket.ts";
import { ServerMetrics } from "./metrics.ts";
import { addObservation } from "./observation.ts";
import { addObserverRoutes } from "./observer-page.ts";
import { addOpenApiRoute, collectRoutes } from "./openapi.ts";
import { HttpError, noRoute, problemOf, problemType, sendProblem } from "./problem.ts";
import { addRoutes } from "./routes/routes.ts";
import type { ServerApp, ServerContext } from "./server-context.ts";
import { defaultConfig, type ServerConfig, type ServerOptions } from "./server-options.ts";
import { requestValidator } from "./validation.ts";
import { Workspace } from "./workspace.ts";

/**
 * Connections that the system keeps until they are accepted, as far as it allows (`somaxconn`).
 * With Node's 511 a burst of 1,000 triggers overran it whenever the machine was busy: whoever is
 * passed over tries again after 1, 3, 7 … seconds, so that first events came 20 s late (measured).
 */
const backlog = 4096;

/** A server that can listen. */
export class ReachServer {
  readonly app: ServerApp;
  readonly context: ServerContext;
  readonly #options: ServerOptions;
  readonly #door: Door;

  constructor(app: ServerApp, context: ServerContext, options: ServerOptions, door: Door) {
    this.app = app;
    this.context = context;
    this.#options = options;
    this.#door = door;
  }

  /**
   * Listens; resolves with the address. Throws `USAGE` for an address that others can reach while
   * there are no tokens.
   */
  async listen({ host = "127.0.0.1", port = 0 }: { host?: string; port?: number } = {}): Promise<{
    url: string;
    port: number;
    open: boolean;
  }> {
    const open = this.#options.tokens?.any !== true;
    if (open) checkLoopback(host);
    // The last token may be revoked before anybody asks.
    this.#door.guarded ||= !open;
    try {
      await this.app.listen({ host, port, backlog });
    } catch (error) {
      throw addressError({ host, port }, error);
    }
    this.context.life.phase = "ready";
    for (const { catalogue } of this.context.workspaces.values()) void catalogue.fill();
    const address = this.app.server.address();
    assert(typeof address === "object" && address, "a server that listens has an address");
    const name = address.family === "IPv6" ? `[${address.address}]` : address.address;
    return { url: `http://${name}:${address.port}`, port: address.port, open };
  }

  /**
   * Stops: takes no more triggers, ends tails with a place to resume, waits for requests under
   * way, parks sessions, makes everything durable and signs it. Workspaces are closed together;
   * throws what closing the first of them threw that could not be.
   */
  async close(): Promise<void> {
    const { life, workspaces, config } = this.context;
    life.phase = "stopping";
    for (const workspace of workspaces.values()) workspace.stop();
    // Whoever has not taken an answer by then does not get it.
    const late = setTimeout(() => this.app.server.closeAllConnections(), config.shutdownMs);
    try {
      await this.app.close();
    } finally {
      clearTimeout(late);
    }
    const closing = [...workspaces.values()].map((workspace) => workspace.close());
    for (const closed of await Promise.allSettled(closing)) {
      if (closed.status === "rejected") throw closed.reason;
    }
  }
}

/** See `createServer`. */
export async function assembleServer(options: ServerOptions): Promise<ReachServer> {
  const config: ServerConfig = { ...defaultConfig, ...options.config };
  const workspaces = new Map<string, Workspace>();
  const metrics = new ServerMetrics(() => workspaces.values(), options.processMetrics ?? false);
  for (const source of options.workspaces) {
    const workspace = new Workspace(source, config, metrics, options.logger);
    assert(!workspaces.has(workspace.name), "workspaces have names of their own");
    workspaces.set(workspace.name, workspace);
  }
  const context: ServerContext = {
    config,
    version: options.version ?? "0",
    workspaces,
    metrics,
    life: { phase: "starting" },
  };
  const app = newApp(config, options.logger);
  addObservation(app, metrics);
  addSafeHeaders(app);
  addCors(app, config.corsOrigins);
  const [open] = workspaces.values();
  const { tokens } = options;
  const door: Door = { guarded: false };
  addAccess(app, { door, workspaces, tokens, open, corsOrigins: config.corsOrigins });
  addContentTypes(app);
  addContinue(app);
  await collectRoutes(app, context.version);
  await addRoutes(app, context);
  addOpenApiRoute(app);
  addDocRoutes(app);
  addObserverRoutes(app);
  await app.ready();
  return new ReachServer(app, context, options, door);
}

/**
 * Given from the beginning, so that the framework does not load its own. Its types know only those.
 */
const compilers = {
  compilersFactory: {
    buildValidator: () => requestValidator,
    buildSerializer: () => () => JSON.stringify,
  },
} as unknown as NonNullable<FastifyServerOptions["schemaController"]>;

function newApp(config: ServerConfig, logger: FastifyBaseLogger | undefined): ServerApp {
  const app = fastify({
    ...(logger ? { loggerInstance: logger } : { logger: false }),
    // What is noted of requests is in `observation.ts`.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: config.bodyBytesMax,
    requestTimeout: config.requestTimeoutMs,
    keepAliveTimeout: config.keepAliveTimeoutMs,
    connectionTimeout: config.stalledMs,
    requestIdHeader: false,
    genReqId: () => randomUUID(),
    // Responses under way get their time; idle connections do not.
    forceCloseConnections: "idle",
    return503OnClosing: false,
    http: {
      headersTimeout: config.headersTimeoutMs,
      maxHeaderSize: limits.requestHeaderBytesMax,
      connectionsCheckingInterval: 2_000,
    },
    routerOptions: { maxParamLength: 1024, caseSensitive: true },
    schemaController: compilers,
    clientErrorHandler: answerBrokenRequest,
    // A path that is none has no hooks.
    frameworkErrors: (error, request, reply) => {
      reply.headers(safeHeaders).header("x-request-id", request.id);
      sendProblem(error, request, reply);
    },
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply));
  app.setNotFoundHandler((request, reply) => sendProblem(noRoute(), request, reply));
  return app as ServerApp;
}

const safeHeaders: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "x-frame-options": "DENY",
  "cross-origin-resource-policy": "same-origin",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cache-control": "no-store",
};

/** What is in a session is text from strangers: no browser may take an answer for a page. */
function addSafeHeaders(app: ServerApp): void {
  app.addHook("onRequest", async (request, reply) => {
    reply.headers(safeHeaders).header("x-request-id", request.id);
  });
}

/** A request that never became one: too large or malformed headers, or too slow. */
function answerBrokenRequest(error: Error & { code: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const late = error.code === "ERR_HTTP_REQUEST_TIMEOUT";
  if (late && isUploading(socket)) return;
  const status = error.code === "HPE_HEADER_OVERFLOW" ? 431 : late ? 408 : 400;
  const code = status === 431 ? "REQUEST_TOO_LARGE" : "REQUEST_INVALID";
  const what =
    status === 431 ? "the headers are too large" : status === 408 ? "too slow" : "no HTTP";
  const problem = problemOf(new HttpError(code, what, { status }), randomUUID());
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${status} ${problem.title}\r\nContent-Type: ${problemType}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
