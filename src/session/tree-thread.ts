/**
 * The thread that grows the tree of a long log (`tree-orders.ts`), with what it needs and nothing
 * else.
 */
import { serve } from "../threads/index.ts";
import { treeGrower } from "./tree-orders.ts";

serve(treeGrower());
