/**
 * Every group of routes, in the order of the documentation. A new group is one file here and one
 * line below.
 */
import type { ServerApp, ServerContext } from "../server-context.ts";
import { addLifeRoutes } from "./life.ts";
import { addSessionRoutes } from "./sessions.ts";

/** Adds all routes to `app`. */
export async function addRoutes(app: ServerApp, context: ServerContext): Promise<void> {
  addLifeRoutes(app, context);
  addSessionRoutes(app);
}
