// A stream of a server process that is killed again and again: a producer that sends again what was
// not answered has every message in the stream once, in order, and the closing holds.

import { describe, expect, it } from "vitest";
import { Workbench } from "../../cli/reach-command.ts";
import { freePort, ServerProcess } from "../killing.ts";

const messages = 60;
const killedAt: ReadonlySet<number> = new Set([15, 40]);

describe("a stream of a server that is killed", () => {
  it("has every message once, and stays closed", { timeout: 120_000 }, async () => {
    const bench = new Workbench();
    const server = new ServerProcess(bench.path("data"), await freePort());
    await server.start();
    const url = `${server.url}/v1/stream/killed`;
    const type = { "content-type": "application/json" };
    expect((await fetch(url, { method: "PUT", headers: type })).status).toBe(201);
    let killed = Promise.resolve();
    for (let n = 0; n < messages; n++) {
      const headers = {
        ...type,
        "producer-id": "p",
        "producer-epoch": "0",
        "producer-seq": `${n}`,
      };
      const closes = n === messages - 1 ? { "stream-closed": "true" } : {};
      const init = { method: "POST", headers: { ...headers, ...closes }, body: `{"n":${n}}` };
      if (killedAt.has(n)) {
        // While the append is on its way, wherever that is.
        killed = server.end("SIGKILL").then(() => server.start());
      }
      let status = 0;
      while (status !== 200 && status !== 204) {
        status = await fetch(url, init).then(
          (answer) => answer.status,
          () => 0,
        );
        if (status === 0) await killed;
      }
    }
    await server.end("SIGKILL");
    await server.start();
    const answer = await fetch(url);
    expect(answer.headers.get("stream-closed")).toBe("true");
    const found = (await answer.json()) as { n: number }[];
    expect(found.map(({ n }) => n)).toEqual(Array.from({ length: messages }, (_, n) => n));
    await server.end("SIGTERM");
  });
});
