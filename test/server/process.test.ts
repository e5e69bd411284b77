// `reach serve` as a process: killed in the middle of its work, and ended politely.

import * as fs from "node:fs";
import * as net from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { Workbench } from "../cli/reach-command.ts";
import { freePort, killServer, ServerProcess } from "./killing.ts";
import { post } from "./running.ts";
import { Observer } from "./tailing.ts";

describe("a server that is killed", () => {
  it("goes on where it was, and observers have everything once", { timeout: 120_000 }, async () => {
    const bench = new Workbench();
    await killServer(bench.path("data"), { sessions: 6, batches: 60, kills: 2 });
  });
});

describe("a server that is told to stop", () => {
  it("tells observers where to resume, signs, and leaves nothing to recover", async () => {
    const bench = new Workbench();
    const server = new ServerProcess(bench.path("data"), await freePort());
    await server.start();
    const begun = await fetch(`${server.url}/v1/sessions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ events: [{ type: "a" }, { type: "b" }] }),
    });
    const { id } = (await begun.json()) as { id: string };
    const observer = new Observer(`${server.url}/v1/sessions/${id}/tail`);
    await observer.upToDate();
    expect(await server.end("SIGTERM")).toBe(0);
    await observer.until(() => observer.ended);
    expect(observer.controls.at(-1)).toEqual({ next: 2, cut: "shutdown" });
    const verified = await bench.run(["--data", bench.path("data"), "verify", id, "--json"]);
    expect(verified.code).toBe(0);
    expect(verified.stdout).toMatch(/"completeness": ?"complete"/);
  });

  it("is refused where others can reach it and there are no tokens", async () => {
    const bench = new Workbench();
    const args = ["--data", bench.path("data"), "serve", "--host", "0.0.0.0", "--port", "0"];
    const { code, stderr } = await bench.run(args);
    expect(code).toBe(2);
    expect(stderr).toContain("reach token create");
    expect(fs.existsSync(bench.path("data"))).toBe(false);
  });

  it("leaves nothing behind where its port is taken", async () => {
    const bench = new Workbench();
    const holder = net.createServer();
    await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void holder.close());
    const { port } = holder.address() as net.AddressInfo;
    const args = ["--data", bench.path("data"), "serve", "--port", String(port)];
    const { code, stdout, stderr } = await bench.run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(`127.0.0.1:${port} is taken`);
    expect(fs.existsSync(bench.path("data"))).toBe(false);
  });
});

describe("a rate on the command line", () => {
  it.each(["--rate", "--program-rate"])("bounds triggers: %s", async (flag) => {
    const bench = new Workbench();
    const server = new ServerProcess(bench.path("data"), await freePort(), [flag, "1"]);
    await server.start();
    const statuses: number[] = [];
    for (let i = 0; i < 3; i++) {
      const { status } = await post(`${server.url}/v1/sessions`, { program: "none" }, `key ${i}`);
      statuses.push(status);
    }
    // A program that is not there is looked for once there is room for it.
    expect(statuses[0]).toBe(404);
    expect(statuses).toContain(429);
    expect(await server.end("SIGTERM")).toBe(0);
  });
});

describe("tokens on the command line", () => {
  it("are made, listed and revoked beside a running server", async () => {
    const bench = new Workbench();
    const data = bench.path("data");
    const server = new ServerProcess(data, await freePort());
    await server.start();
    const run = (...args: string[]) => bench.run(["--data", data, "token", ...args]);
    const made = await run("create", "--name", "ci", "--scope", "sessions:read", "--json");
    const { token, id } = JSON.parse(made.stdout) as { token: string; id: string };
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await fetch(`${server.url}/v1/sessions`, { headers })).status;
    const bearer = { authorization: `Bearer ${token}` };
    // The server has looked for tokens less than a second ago, or sees it at once.
    for (let i = 0; i < 100 && (await status({})) !== 401; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(await status({})).toBe(401);
    expect(await status(bearer)).toBe(200);
    const listed = await run("ls");
    expect(listed.stdout).toContain(id);
    expect(listed.stdout).not.toContain(token.slice(-43));
    expect((await run("ls", "--quiet")).stdout).toBe(`${id}\n`);
    expect((await run("revoke", id)).code).toBe(0);
    for (let i = 0; i < 100 && (await status(bearer)) !== 401; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(await status(bearer)).toBe(401);
    expect((await run("revoke", id)).code).toBe(5);
    expect((await run("create", "--name", "x", "--scope", "everything")).code).toBe(2);
    expect((await run("create", "--name", "x")).code).toBe(2);
    await server.end("SIGTERM");
  });
});
