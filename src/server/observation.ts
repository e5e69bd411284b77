/**
 * What is noted of each request: a line in the log, a measurement, a span for whoever traces. Never
 * a payload, never a query, never a token: who asked is the token's id.
 */
import {
  type Attributes,
  context,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import type { FastifyRequest } from "fastify";
import type { ServerMetrics } from "./metrics.ts";
import type { ServerApp } from "./server-context.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** The answer has no end: how long it took says nothing. */
    endless?: boolean;
  }
  interface FastifyRequest {
    span: Span | undefined;
    /** The same of this one answer, whatever the route says. */
    endless: boolean;
  }
}

const tracer = trace.getTracer("reach-replay");

/** Notes every request of `app`. */
export function addObservation(app: ServerApp, metrics: ServerMetrics): void {
  app.decorateRequest("span", undefined);
  app.decorateRequest("endless", false);
  app.addHook("onRequest", async (request) => {
    const parent = propagation.extract(context.active(), request.headers);
    const name = `${request.method} ${routeOf(request)}`;
    request.span = tracer.startSpan(name, { kind: SpanKind.SERVER }, parent);
  });
  app.addHook("onResponse", async (request, reply) => {
    const status = reply.statusCode;
    const route = routeOf(request);
    const seconds = reply.elapsedTime / 1000;
    if (request.routeOptions.config?.endless !== true && !request.endless) {
      metrics.request.observe({ method: request.method, route, status: String(status) }, seconds);
    }
    log(request, route, status, seconds);
    endSpan(request, route, status);
  });
}

/** The pattern of the route, not what was asked for: few values, nothing of anybody. */
function routeOf(request: FastifyRequest): string {
  return request.is404 ? "none" : (request.routeOptions.url ?? "none");
}

/** Whoever begins, controls or changes anything stands in the log: that is the audit log. */
function log(request: FastifyRequest, route: string, status: number, seconds: number): void {
  const changes = request.method !== "GET" && request.method !== "HEAD";
  const { id: session } = (request.params ?? {}) as { id?: unknown };
  const access = request.access as FastifyRequest["access"] | null;
  const about = {
    method: request.method,
    route,
    status,
    ms: Math.round(seconds * 1e6) / 1000,
    ...(typeof session === "string" ? { session } : {}),
    ...(access ? { workspace: access.workspace.name, token: access.token } : {}),
  };
  const scope = request.routeOptions.config?.access;
  const audited = changes && scope !== "sessions:append" && scope !== "public";
  if (status >= 500) request.log.error(about, "answered");
  else if (audited) request.log.info({ ...about, audit: true }, "control");
  else request.log.debug(about, "answered");
}

function endSpan(request: FastifyRequest, route: string, status: number): void {
  const { span } = request;
  if (!span) return;
  const attributes: Attributes = {
    "http.request.method": request.method,
    "http.route": route,
    "http.response.status_code": status,
  };
  const { id } = (request.params ?? {}) as { id?: unknown };
  // How conversations are named by the conventions for generative AI, which may still change.
  if (typeof id === "string") attributes["gen_ai.conversation.id"] = id;
  span.setAttributes(attributes);
  if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}
