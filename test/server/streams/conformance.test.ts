/**
 * The conformance suite of the Durable Streams protocol, as its authors publish it, against a
 * server over a data directory: every test of the base protocol. Subscriptions, which the protocol
 * reserves and the suite runs on demand, are not offered.
 */
import { runConformanceTests } from "@durable-streams/server-conformance-tests";
import { afterAll, beforeAll, describe } from "vitest";
import { createServer, type ReachServer } from "../../../src/server/index.ts";
import { Directory } from "../../../src/session/index.ts";
import { Scratch } from "../../session/sample-session.ts";

describe("a Durable Streams server", () => {
  const options = { baseUrl: "", longPollTimeoutMs: 1000 };
  const scratch = new Scratch();
  let server: ReachServer;

  beforeAll(async () => {
    const path = scratch.at("data/default");
    const directory = await Directory.open({ path, mode: "write" });
    // The suite asks as a page of this origin; nobody may unless the operator says so.
    const corsOrigins = ["https://example.com"];
    const config = { streamPollMs: options.longPollTimeoutMs, corsOrigins };
    server = await createServer({ workspaces: [{ directory }], config });
    options.baseUrl = (await server.listen()).url;
  });

  afterAll(async () => {
    await server.close();
    scratch.remove();
  });

  runConformanceTests(options);
});
