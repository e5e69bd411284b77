import { describe, expect, it } from "vitest";
import { ended, heard, Workbench } from "./reach-command.ts";
import { ndjson } from "./transcripts.ts";

interface Imports {
  readonly imports: readonly { readonly id: string; readonly continuedFrom: number | null }[];
}

/** Writes lines to a pipe until the command that reads it has gone. */
async function feed(input: NodeJS.WritableStream): Promise<void> {
  let open = true;
  const gone = new Promise<void>((resolve) => {
    const end = (): void => {
      open = false;
      resolve();
    };
    input.on("error", end);
    input.on("close", end);
  });
  for (let at = 0; open; at += 1000) {
    const room = input.write(ndjson(1000, at));
    if (!room) await Promise.race([new Promise((resolve) => input.once("drain", resolve)), gone]);
  }
}

describe("Ctrl-C during an import", () => {
  it("ends at an acknowledged point, says how to go on, and the same command goes on", async () => {
    const bench = new Workbench();
    const text = ndjson(150_000);
    bench.write("long.jsonl", text);
    const child = bench.start(["import", "long.jsonl", "--json"]);
    const end = ended(child);
    await bench.importing();
    child.kill("SIGINT");
    const result = await end;
    expect(result.code).toBe(130);
    expect(result.stderr).toMatch(
      /interrupted after [\d,]+ events: the session is whole up to there/,
    );
    expect(result.stderr).toContain("run the same command again to go on");
    const [first] = (JSON.parse(result.stdout) as Imports).imports;
    const id = first?.id as string;
    const again = await bench.json<Imports>(["import", "long.jsonl"]);
    expect(again.imports[0]?.id).toBe(id);
    expect(again.imports[0]?.continuedFrom).toBeGreaterThan(0);
    await bench.run(["export", id, "--format", "original", "-o", "back.jsonl"]);
    expect(bench.read("back.jsonl").equals(Buffer.from(text))).toBe(true);
  });

  it("ends waiting for standard input, of which nothing stays", async () => {
    const bench = new Workbench();
    const child = bench.start(["import", "-"]);
    const end = ended(child);
    child.stdin?.on("error", () => {});
    child.stdin?.write(ndjson(40_000));
    await bench.importing();
    child.kill("SIGINT");
    const { code, stdout, stderr } = await end;
    expect({ code, stdout }).toEqual({ code: 130, stdout: "" });
    expect(stderr).toContain("nothing was kept");
    expect((await bench.json<{ total: number }>(["ls"])).total).toBe(0);
  });

  it("kills at the second one; what was acknowledged is recovered", async () => {
    const bench = new Workbench();
    const child = bench.start(["import", "-"]);
    const end = ended(child);
    const feeding = feed(child.stdin as NodeJS.WritableStream);
    await bench.importing();
    child.kill("SIGINT");
    child.kill("SIGINT");
    await heard(child.stderr, /./).catch(() => "");
    child.kill("SIGINT");
    const { code, signal } = await end;
    await feeding;
    expect(code === 130 || signal === "SIGINT").toBe(true);
    const { findings } = await bench.json<{ findings: unknown[] }>(["doctor", "--recover"]);
    expect(findings).toEqual([]);
  });

  it("and SIGTERM are told apart by the exit code alone", async () => {
    const bench = new Workbench();
    const child = bench.start(["import", "-"]);
    const end = ended(child);
    child.stdin?.on("error", () => {});
    child.stdin?.write(ndjson(40_000));
    await bench.importing();
    child.kill("SIGTERM");
    expect((await end).code).toBe(143);
  });
});
