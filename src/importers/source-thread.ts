/**
 * The thread that hashes a source while it is imported, and cuts its large payloads
 * (`source-orders.ts`), with what it needs and nothing else.
 */
import { serve } from "../threads/index.ts";
import { sourceWork } from "./source-orders.ts";

serve(sourceWork());
