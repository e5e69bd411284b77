/**
 * Every group of routes, in the order of the documentation. A new group is one file here and one
 * line below.
 */
import type { ServerApp, ServerContext } from "../server-context.ts";
import { addAppendRoutes } from "./appending.ts";
import { addControlRoutes } from "./control.ts";
import { addDataRoutes } from "./data.ts";
import { addImportRoute } from "./importing.ts";
import { addLifeRoutes, addMetricsRoute } from "./life.ts";
import { addPageRoutes } from "./pages.ts";
import { addProofRoutes } from "./proofs.ts";
import { addSessionRoutes } from "./sessions.ts";
import { addStreamRoutes } from "./streams.ts";
import { addTailRoute } from "./tail.ts";

/** Adds all routes to `app`. */
export async function addRoutes(app: ServerApp, context: ServerContext): Promise<void> {
  addSessionRoutes(app);
  addPageRoutes(app);
  addTailRoute(app);
  addAppendRoutes(app);
  addImportRoute(app);
  addProofRoutes(app);
  addDataRoutes(app);
  addControlRoutes(app);
  addStreamRoutes(app);
  addLifeRoutes(app, context);
  addMetricsRoute(app, context);
}
