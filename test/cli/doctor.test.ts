import * as fs from "node:fs";
import { describe, expect, it } from "vitest";
import { ended, Workbench } from "./reach-command.ts";
import { ndjson } from "./transcripts.ts";

interface Doctor {
  readonly settings: readonly { setting: string; value: string; source: string; name: string }[];
  readonly directory: {
    readonly exists: boolean;
    readonly holder: { readonly pid: number } | null;
    readonly journal: { readonly state: string };
    readonly sessions: { readonly count: number; readonly events: number };
    readonly verifierKey: string;
  };
  readonly findings: readonly { readonly level: string; readonly message: string }[];
}

describe("reach doctor", () => {
  it("says which settings came from where, and that all is well", async () => {
    const bench = new Workbench();
    await bench.import("a.jsonl", ndjson(5));
    const { code, stdout } = await bench.run(["doctor"], { env: { NO_COLOR: "1" } });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^data +\S+\/\.reach {2}\(default\)$/m);
    expect(stdout).toMatch(/^colour +never {2}\(environment: NO_COLOR\)$/m);
    expect(stdout).toMatch(/^writer +nobody$/m);
    expect(stdout).toMatch(/^journal +clean$/m);
    expect(stdout).toMatch(/^key +reach\.local\+[0-9a-f]{8}\+\S+$/m);
    expect(stdout).toMatch(/^room +\S+ [kMGT]B free$/m);
    expect(stdout).toMatch(/\nnothing to complain about\n$/);
    const report = await bench.json<Doctor>(["doctor", "--data", ".reach"]);
    expect(report.settings[0]).toMatchObject({ setting: "data", source: "flag", name: "--data" });
    expect(report.directory).toMatchObject({
      exists: true,
      holder: null,
      journal: { state: "clean" },
      sessions: { count: 1, events: 6 },
    });
    expect(report.findings).toEqual([]);
  });

  it("is content where there is no data directory yet", async () => {
    const bench = new Workbench();
    const { code, stdout } = await bench.run(["doctor"]);
    expect(code).toBe(0);
    expect(stdout).toContain(`none yet at ${bench.path(".reach/default")}`);
  });

  it("finds what a killed import has left, and --recover mends it", async () => {
    const bench = new Workbench();
    const child = bench.start(["import", "-"]);
    const end = ended(child);
    child.stdin?.on("error", () => {});
    child.stdin?.write(ndjson(40_000));
    await bench.importing();
    child.kill("SIGKILL");
    await end;
    const found = await bench.json<Doctor>(["doctor"]);
    expect(found.directory.holder).toBeNull();
    expect(found.findings.map(({ message }) => message).join("\n")).toContain(
      "an import was interrupted",
    );
    const mended = await bench.json<Doctor>(["doctor", "--recover"]);
    expect(mended.findings).toEqual([]);
    expect(mended.directory.journal.state).toBe("clean");
    // Nothing of it had been acknowledged: there is no session.
    expect(mended.directory.sessions.count).toBe(0);
    expect((await bench.run(["import", "-"], { input: ndjson(3) })).code).toBe(0);
  });

  it("names a damaged session and ends with 4", async () => {
    const bench = new Workbench();
    const id = await bench.import("a.jsonl", ndjson(200));
    const manifest = bench.path(".reach/default/sessions", id.slice(-2), id, "manifest.cbor");
    const bytes = fs.readFileSync(manifest);
    bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
    fs.writeFileSync(manifest, bytes);
    const { code, stdout } = await bench.run(["doctor"]);
    expect(code).toBe(4);
    expect(stdout).toContain(`error  session ${id} is damaged`);
    const list = await bench.run(["ls"]);
    expect(list.code).toBe(0);
    expect(list.stdout).toContain("(damaged)");
  });

  it("takes nothing over without being asked to recover", async () => {
    const bench = new Workbench();
    const { code, stderr } = await bench.run(["doctor", "--take-over"]);
    expect(code).toBe(2);
    expect(stderr).toContain("--take-over goes with --recover");
  });
});
