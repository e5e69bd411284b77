// Code that is drawn at random: appends, effects that take their time, note and fail, and branches
// beside each other. The same seed draws the same code.

import type { RecordedCall, SessionRecorder } from "../../src/index.ts";

/** What a drawn piece of code does, one behind the other. */
export type Part =
  | { readonly does: "append" }
  | { readonly does: "effect"; readonly ms: number; readonly fails: boolean }
  | { readonly does: "all" | "race"; readonly branches: readonly (readonly Part[])[] };

/** Numbers from 0 up to 1, the same ones for the same seed. */
export function drawing(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Code that nobody would write. */
export function drawnParts(draw: () => number, depth = 0): Part[] {
  return Array.from({ length: 1 + Math.floor(draw() * 3) }, (): Part => {
    const kind = draw();
    if (kind < 0.35 || depth === 2) return { does: "append" };
    if (kind < 0.7) return { does: "effect", ms: Math.floor(draw() * 4), fails: draw() < 0.2 };
    const branches = Array.from({ length: 2 + Math.floor(draw() * 2) }, () => {
      return drawnParts(draw, depth + 1);
    });
    return { does: draw() < 0.5 ? "all" : "race", branches };
  });
}

/** Does what the parts say; what is appended names its place among them. */
export async function runParts(session: SessionRecorder, parts: readonly Part[], name: string) {
  for (const [i, part] of parts.entries()) {
    const id = `${name}.${i}`;
    if (part.does === "append") await session.append({ type: "append", data: id });
    else if (part.does === "effect") {
      const run = async ({ note }: RecordedCall): Promise<string> => {
        for (let n = 0; n < part.ms; n++) note("piece", `${id} ${n}`);
        if (part.ms > 0) await new Promise((resolve) => setTimeout(resolve, part.ms));
        if (part.fails) throw new Error(`no ${id}`);
        return id;
      };
      await session.effect("effect", id, run).catch(({ message }: Error) => {
        return session.append({ type: "failed", data: message });
      });
    } else {
      const running = part.branches.map(async (branch, at) => {
        await runParts(session, branch, `${id}/${at}`);
        return at;
      });
      const first = part.does === "race" ? await Promise.race(running) : null;
      if (first !== null) await session.append({ type: "won", data: { id, first } });
      await Promise.all(running);
    }
  }
}
