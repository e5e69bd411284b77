/**
 * What a server that has just been started says at `/metrics`: every name, with the labels that
 * its samples can have. Names come from the text; labels from the text and from the registry, since
 * a metric with labels has no sample before something happened.
 */
import { createServer } from "../../src/server/index.ts";
import { Directory } from "../../src/session/index.ts";
import { Scratch } from "../session/sample-session.ts";

/** What is known of the names at `/metrics`. */
export interface Exposed {
  /** Families by name: type and labels, without `le`. */
  readonly families: ReadonlyMap<string, { type: string; labels: ReadonlySet<string> }>;
  /** Upper bounds of the buckets by name of the family. */
  readonly bounds: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Starts a server like `reach serve`, asks it, and stops it. */
export async function exposedMetrics(): Promise<Exposed> {
  const scratch = new Scratch();
  const directory = await Directory.open({ path: scratch.at("data", "default"), mode: "write" });
  const server = await createServer({ workspaces: [{ directory }], processMetrics: true });
  try {
    const { url } = await server.listen();
    await fetch(`${url}/readyz`);
    const text = await (await fetch(`${url}/metrics`)).text();
    return exposedIn(text, (name) => declaredLabels(server.context.metrics.registry, name));
  } finally {
    await server.close();
    scratch.remove();
  }
}

/** The labels that a metric was made with; the library keeps them, its types do not say so. */
function declaredLabels(registry: { getSingleMetric(name: string): unknown }, name: string) {
  const metric = registry.getSingleMetric(name) as { labelNames?: readonly string[] } | undefined;
  return metric?.labelNames ?? [];
}

function exposedIn(text: string, declared: (name: string) => readonly string[]): Exposed {
  const families = new Map<string, { type: string; labels: Set<string> }>();
  const bounds = new Map<string, Set<string>>();
  for (const [, name = "", type = ""] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    families.set(name, { type, labels: new Set(declared(name)) });
  }
  for (const [, sample = "", inner = ""] of text.matchAll(/^(\w+)\{([^}]*)\} /gm)) {
    const name = familyOf(sample, families);
    for (const [, label = "", value = ""] of inner.matchAll(/(\w+)="([^"]*)"/g)) {
      if (label === "le") bounds.set(name, (bounds.get(name) ?? new Set()).add(value));
      else families.get(name)?.labels.add(label);
    }
  }
  return { families, bounds };
}

/** The family that a sample belongs to: those of histograms have three endings. */
export function familyOf(sample: string, families: Exposed["families"]): string {
  const stem = sample.replace(/_(?:bucket|sum|count)$/, "");
  return families.get(stem)?.type === "histogram" ? stem : sample;
}
