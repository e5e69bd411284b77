/**
 * Pages of other origins (https://fetch.spec.whatwg.org/#http-cors-protocol): none may ask, but for
 * those that the operator names. Browsers send no token by themselves, so credentials stay off.
 */
import type { ServerApp } from "./server-context.ts";

const headersAllowed =
  "authorization, content-type, idempotency-key, last-event-id, producer-id, producer-epoch, " +
  "producer-seq, range, if-none-match, stream-ttl, stream-expires-at, stream-closed, stream-seq, " +
  "stream-forked-from, stream-fork-offset, stream-fork-sub-offset";
const headersExposed =
  "etag, link, location, retry-after, reach-next, reach-more, reach-size, reach-at, " +
  "reach-program, reach-snapshot, idempotent-replayed, " +
  "content-range, x-request-id, stream-next-offset, stream-cursor, stream-up-to-date, " +
  "stream-closed, stream-ttl, stream-expires-at, stream-sse-data-encoding, producer-epoch, " +
  "producer-seq, producer-expected-seq, producer-received-seq";

/** Lets pages of `origins` ask; adds nothing at all where there are none. */
export function addCors(app: ServerApp, origins: readonly string[]): void {
  if (origins.length === 0) return;
  app.addHook("onRequest", async (request, reply) => {
    const { origin } = request.headers;
    reply.header("vary", "Origin");
    if (origin === undefined || !origins.includes(origin)) return;
    reply.header("access-control-allow-origin", origin);
    reply.header("access-control-expose-headers", headersExposed);
    reply.header("cross-origin-resource-policy", "cross-origin");
    const asked = request.headers["access-control-request-method"];
    if (request.method !== "OPTIONS" || asked === undefined) return;
    reply.header("access-control-allow-methods", "GET, HEAD, POST, PUT, DELETE");
    reply.header("access-control-allow-headers", headersAllowed);
    reply.header("access-control-max-age", "600");
    await reply.code(204).send();
  });
}
