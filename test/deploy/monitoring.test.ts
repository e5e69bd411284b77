// Dashboard and alerts ask for what the server really says: names, labels, bounds of buckets.

import { beforeAll, describe, expect, it } from "vitest";
import { type Exposed, exposedMetrics, familyOf } from "./exposed-metrics.ts";
import { projectText, projectYaml } from "./project-file.ts";
import { type Selected, selectedIn } from "./promql.ts";

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; h: number };
  readonly fieldConfig?: { defaults: { thresholds: { steps: { value: number | null }[] } } };
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[];
}

interface Dashboard {
  readonly uid: string;
  readonly templating: { list: { name: string; definition?: string }[] };
  readonly panels: readonly Panel[];
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

const dashboard = JSON.parse(projectText("docs/grafana.json")) as Dashboard;
const alerts = projectYaml<{ groups: { name: string; rules: Rule[] }[] }>("docs/alerts.yml");
const rules = alerts.groups.flatMap((group) => group.rules);
const panels = dashboard.panels.filter(({ type }) => type !== "row");
/** What Prometheus adds to every sample, and the metric that it makes itself. */
const ofPrometheus = { labels: ["instance", "job"], metrics: ["up"] };
let exposed: Exposed;

beforeAll(async () => {
  exposed = await exposedMetrics();
});

/** What is wrong with a metric in a query. */
function faults({ metric, matched, grouped }: Selected): string[] {
  if (ofPrometheus.metrics.includes(metric)) return [];
  const name = familyOf(metric, exposed.families);
  const family = exposed.families.get(name);
  if (!family) return [`there is no metric ${metric}`];
  if (family.type === "histogram" && name === metric) return [`${metric} is a histogram`];
  const known = new Set([...ofPrometheus.labels, ...family.labels]);
  if (metric.endsWith("_bucket")) known.add("le");
  const found = [...matched.keys(), ...grouped]
    .filter((label) => !known.has(label))
    .map((label) => `${metric} has no label ${label}`);
  const bound = matched.get("le");
  if (bound !== undefined && !exposed.bounds.get(name)?.has(bound)) {
    found.push(`${metric} has no bucket ${bound}`);
  }
  return found;
}

function faultsIn(query: string): string[] {
  return selectedIn(query).flatMap((one) => faults(one));
}

describe("the check", () => {
  it("sees names, labels and buckets that are not there, and queries that are none", () => {
    expect(faultsIn("reach_nothing")).toEqual(["there is no metric reach_nothing"]);
    expect(faultsIn('reach_queue_depth{program="x"}')).toHaveLength(1);
    expect(faultsIn("sum by (route) (reach_queue_depth)")).toHaveLength(1);
    expect(faultsIn('reach_replay_seconds_bucket{le="2"}')).toHaveLength(1);
    expect(faultsIn("rate(reach_replay_seconds[5m])")).toHaveLength(1);
    expect(faultsIn('up{job="reach"} and reach_queue_depth{workspace="a"}')).toEqual([]);
    expect(() => selectedIn("rate(reach_replay_seconds_count[5m)")).toThrow("no PromQL");
    expect(() => selectedIn("up[$range]")).toThrow("no variable");
  });
});

describe("the dashboard", () => {
  it("asks for metrics, labels and buckets that are there", () => {
    for (const { title, targets = [] } of panels) {
      expect(targets.length, title).toBeGreaterThan(0);
      for (const { expr } of targets) expect(faultsIn(expr), `${title}: ${expr}`).toEqual([]);
    }
    for (const { definition } of dashboard.templating.list) {
      const [, query] = /^label_values\((.*), \w+\)$/.exec(definition ?? "") ?? [];
      if (definition !== undefined) expect(faultsIn(query ?? ""), definition).toEqual([]);
    }
  });

  it("shows every metric that the server has", () => {
    const targets = panels.flatMap((panel) => panel.targets ?? []);
    const shown = new Set(
      targets.flatMap(({ expr }) =>
        selectedIn(expr).map(({ metric }) => familyOf(metric, exposed.families)),
      ),
    );
    expect([...exposed.families.keys()].filter((name) => !shown.has(name))).toEqual([]);
  });

  it("shows P50, P95 and P99 of every latency, and the line of 1.2 s", () => {
    const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    for (const [name, { type }] of exposed.families) {
      if (type !== "histogram" || !name.startsWith("reach_")) continue;
      for (const share of ["0.5", "0.95", "0.99"]) {
        const start = `histogram_quantile(${share}, sum by (le) (rate(${name}_bucket`;
        expect(
          queries.some((query) => query.startsWith(start)),
          `${share} of ${name}`,
        ).toBe(true);
      }
    }
    const promise = panels.find(({ title }) => title === "Trigger to first event");
    expect(promise?.fieldConfig?.defaults.thresholds.steps.at(-1)?.value).toBe(1.2);
  });

  it("has panels that explain themselves, once each, side by side", () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
    const taken = new Map<string, string>();
    for (const { title, description, gridPos: at, targets = [] } of panels) {
      expect(description, title).toBeTruthy();
      expect(at.x + at.w, title).toBeLessThanOrEqual(24);
      expect(new Set(targets.map(({ refId }) => refId)).size, title).toBe(targets.length);
      for (let x = at.x; x < at.x + at.w; x++) {
        for (let y = at.y; y < at.y + at.h; y++) {
          expect(taken.get(`${x},${y}`), title).toBeUndefined();
          taken.set(`${x},${y}`, title);
        }
      }
    }
  });
});

describe("the alerts", () => {
  it("ask for metrics, labels and buckets that are there", () => {
    expect(rules.length).toBeGreaterThan(10);
    for (const { alert, expr } of rules) {
      expect(selectedIn(expr).length, alert).toBeGreaterThan(0);
      expect(faultsIn(expr), alert).toEqual([]);
    }
  });

  it("say how bad it is, what happens and what to do, and no keys that nobody knows", () => {
    const known = ["alert", "expr", "for", "labels", "annotations"];
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const rule of rules) {
      expect(
        Object.keys(rule).filter((key) => !known.includes(key)),
        rule.alert,
      ).toEqual([]);
      expect(rule.for ?? "1m", rule.alert).toMatch(/^\d+[smh]$/);
      expect(["critical", "warning"], rule.alert).toContain(rule.labels["severity"]);
      expect(rule.annotations["summary"], rule.alert).toBeTruthy();
      expect(rule.annotations["action"]?.length, rule.alert).toBeGreaterThan(40);
    }
  });

  it("name only labels that are left in their result", () => {
    for (const { alert, expr, annotations } of rules) {
      const used = [
        ...Object.values(annotations)
          .join(" ")
          .matchAll(/\$labels\.(\w+)/g),
      ];
      for (const [, label = ""] of used) {
        for (const { metric, grouped } of selectedIn(expr)) {
          const family = exposed.families.get(familyOf(metric, exposed.families));
          const left = grouped.length > 0 ? grouped : [...(family?.labels ?? []), "instance"];
          expect(left, `${alert}: ${metric}`).toContain(label);
        }
      }
    }
  });

  it("are all explained in docs/OPERATIONS.md, and no others", () => {
    const page = projectText("docs/OPERATIONS.md");
    const explained = [...page.matchAll(/^\| `(Reach\w+)` \|/gm)].map(([, name]) => name);
    expect(explained.sort()).toEqual(rules.map(({ alert }) => alert).sort());
  });
});
