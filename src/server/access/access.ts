/**
 * Who asks, and what they may do: a hook that runs before anything of a request is read. A token
 * says the workspace; a server without tokens serves this machine only, and no page in a browser.
 */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { assert } from "../../base/index.ts";
import { HttpError, noRoute } from "../problem.ts";
import type { Workspace } from "../workspace.ts";
import { OpenAnswers } from "./open-answers.ts";
import { allows, type Scope, scopes } from "./scopes.ts";
import type { TokenStore } from "./token-store.ts";

/** What a request may do. */
export interface Access {
  readonly workspace: Workspace;
  /** Id of the token, for logs; `null` on a server without tokens. */
  readonly token: string | null;
  readonly scopes: ReadonlySet<Scope>;
}

declare module "fastify" {
  interface FastifyContextConfig {
    /** The scope that a route needs, or that it is for everybody. */
    access?: Scope | "public";
  }
  interface FastifyRequest {
    /** Set on every route that is not public. */
    access: Access;
  }
}

const everything: ReadonlySet<Scope> = new Set(scopes);

/** Whether a token is wanted; once it is, that stays so for the life of the server. */
export interface Door {
  guarded: boolean;
}

/** What the hook decides with. */
export interface AccessOptions {
  readonly door: Door;
  readonly workspaces: ReadonlyMap<string, Workspace>;
  readonly tokens: TokenStore | undefined;
  /** Whose requests are answered when there are no tokens. */
  readonly open: Workspace | undefined;
  /** Origins that pages in browsers may ask from. */
  readonly corsOrigins: readonly string[];
}

/** Makes every route of `app` say who may call it, and holds it to that. */
export function addAccess(app: FastifyInstance, options: AccessOptions): void {
  app.decorateRequest("access", null as unknown as Access);
  app.addHook("onRoute", ({ url, method, config }) => {
    assert(config?.access, `the route ${method} ${url} says who may call it`);
  });
  const { door } = options;
  const answers = new OpenAnswers((token) => options.tokens?.find(token) !== undefined);
  app.addHook("onClose", async () => answers.close());
  app.addHook("onRequest", async (request, reply) => {
    // Before its body is read, which may be anything and anybody's.
    if (request.is404) throw noRoute();
    const { access: needed } = request.routeOptions.config;
    if (needed === "public") return;
    // Once there were tokens, revoking the last one shuts the door instead of opening it.
    door.guarded ||= options.tokens?.any === true;
    const access = door.guarded ? byToken(request, options) : byPlace(request, options);
    if (needed === undefined || !allows(access.scopes, needed)) {
      throw new HttpError("FORBIDDEN", `this token does not have the scope ${needed}`);
    }
    request.access = access;
    if (access.token !== null) answers.add(tokenOf(request), reply.raw);
  });
}

function tokenOf({ headers }: FastifyRequest): string {
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1] ?? "";
}

function byToken(request: FastifyRequest, { tokens, workspaces }: AccessOptions): Access {
  const record = tokens?.find(tokenOf(request));
  const workspace = record && workspaces.get(record.workspace);
  if (!record || !workspace) {
    const bare = request.headers.authorization === undefined;
    const what = bare ? "this server wants a token" : "this token is none that counts";
    throw new HttpError("UNAUTHENTICATED", what, {
      hint: "send `Authorization: Bearer …` with a token of `reach token create`",
    });
  }
  return { workspace, token: record.id, scopes: new Set(record.scopes) };
}

const loopbackAddress = /^(?:::1|(?:::ffff:)?127(?:\.\d{1,3}){3})$/;
const loopbackHost = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;

/**
 * Without tokens being on this machine is the right to ask. A page from elsewhere is not, even in a
 * browser on this machine: it has another origin, or another name for this host (DNS rebinding).
 */
function byPlace(request: FastifyRequest, { open, corsOrigins }: AccessOptions): Access {
  const { host = "", origin } = request.headers;
  const sameOrigin =
    origin === undefined || origin === `http://${host}` || corsOrigins.includes(origin);
  const here = loopbackAddress.test(request.socket.remoteAddress ?? "");
  if (!open || !here || !loopbackHost.test(host) || !sameOrigin) {
    throw new HttpError("FORBIDDEN", "a server without tokens answers this machine only", {
      hint: "create a token: `reach token create`",
    });
  }
  return { workspace: open, token: null, scopes: everything };
}
