// The functions of a CPU profile by the time they took themselves.

/** The part of a V8 CPU profile that is looked at; times in microseconds. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
    };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** A function and its own time. */
export interface HotFunction {
  readonly name: string;
  readonly place: string;
  readonly ms: number;
}

const idle = new Set(["(idle)", "(root)"]);

/** The `count` functions that took most, and for how long the process was busy. */
export function hottest(
  { nodes, samples, timeDeltas }: CpuProfile,
  count: number,
): { readonly busyMs: number; readonly functions: readonly HotFunction[] } {
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const own = new Map<string, HotFunction>();
  let busyMs = 0;
  for (const [i, id] of samples.entries()) {
    const frame = byId.get(id);
    if (!frame || idle.has(frame.functionName)) continue;
    const ms = (timeDeltas[i] ?? 0) / 1000;
    busyMs += ms;
    const name = frame.functionName || "(anonymous)";
    const place = placeOf(frame.url, frame.lineNumber);
    const key = `${name} ${place}`;
    own.set(key, { name, place, ms: ms + (own.get(key)?.ms ?? 0) });
  }
  const functions = [...own.values()].sort((a, b) => b.ms - a.ms).slice(0, count);
  return { busyMs, functions };
}

function placeOf(url: string, line: number): string {
  if (url === "") return "(native)";
  return `${url.replace(/^.*\/(?=dist\/|node_modules\/)/, "")}:${line + 1}`;
}
