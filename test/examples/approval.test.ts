// The example of an approval: its README, run as it stands, with a server that is stopped, or
// killed, while a session waits.

import { describe, expect, it } from "vitest";
import { ended, heard } from "../cli/reach-command.ts";
import { Example, freePort } from "./example.ts";

interface Running {
  /** Resolves when its server is gone. */
  end(signal: NodeJS.Signals): Promise<void>;
}

/** Runs the block that starts the server, on another port; resolves when it takes requests. */
async function serve(example: Example, block: string, port: number): Promise<Running> {
  const { child, stop } = example.background(block.replace("serve", `serve --port ${port}`));
  const over = ended(child);
  await heard(child.stdout, new RegExp(`127.0.0.1:${port}`));
  return {
    async end(signal) {
      stop(signal);
      await over;
    },
  };
}

/** What the last event of a session says. */
async function resultOf(example: Example, url: string, id: string): Promise<unknown> {
  const flags = ["--url", url, "events", id, "--kind", "end"];
  const { events } = await example.json<{ events: { data: { result: unknown } }[] }>(flags);
  return events[0]?.data.result;
}

/** Ids of sessions, the newest first. */
async function idsIn(example: Example): Promise<string[]> {
  const { sessions } = await example.json<{ sessions: { id: string }[] }>(["ls"]);
  return sessions.map(({ id }) => id);
}

describe("docs/examples/approval", () => {
  it.each(["SIGINT", "SIGKILL"] as const)(
    "waits through a restart by %s as its README says",
    async (signal) => {
      const example = new Example("approval");
      const [server = "", begin = "", approve = "", late = ""] = example.blocks;
      expect(example.blocks).toHaveLength(4);
      const port = await freePort();
      const url = `http://127.0.0.1:${port}`;
      const shown = "url=http://127.0.0.1:4320";
      expect(begin).toContain(shown);
      const first = await serve(example, server, port);
      const begun = await example.shell(begin.replace(shown, `url=${url}`));
      expect(begun).toMatchObject({ code: 0, stderr: "" });
      expect(begun.stdout).toMatch(/timer +set/);
      const id = begun.stdout.split("\n")[0] ?? "";
      await first.end(signal);

      const second = await serve(example, server, port);
      const answered = await example.shell(`url=${url}\nid=${id}\n${approve}`);
      expect(answered).toMatchObject({ code: 0, stderr: "" });
      expect(answered.stdout).toMatch(/input +approval/);
      expect(answered.stdout).toMatch(/end +done/);
      const again = await example.shell(`url=${url}\nid=${id}\n${approve}`);
      expect(again.stdout).toMatch(/^sent before {3}as event \d+ /);
      const why = `Ada said yes, receipt ${id}/4`;
      expect(await resultOf(example, url, id)).toEqual({ refunded: true, why });
      expect(await example.shell(`url=${url}\n${late}`)).toMatchObject({ code: 0, stderr: "" });
      await second.end("SIGINT");

      const ids = await idsIn(example);
      expect(ids).toHaveLength(2);
      for (const one of ids) {
        expect((await example.run(["replay", one, "--quiet"])).stdout).toBe("identical\n");
      }
      const expired = await example.run(["events", ids[0] ?? "", "--kind", "end", "--ndjson"]);
      expect(expired.stdout).toContain("nobody answered within 1s");
      expect(example.readme).toContain("`nobody answered within 1s`");
    },
  );

  it("has a README of less than 40 lines", () => {
    expect(new Example("approval").readme.split("\n").length).toBeLessThanOrEqual(40);
  });
});
