/**
 * What a query asks for: the metrics it names and the labels it uses on each, read with the grammar
 * that Prometheus itself publishes. A query that the grammar refuses is an error.
 */
import type { SyntaxNode } from "@lezer/common";
import { parser } from "@prometheus-io/lezer-promql";

/** One metric in a query. */
export interface Selected {
  readonly metric: string;
  /** Labels in braces, with the values that are compared by `=`. */
  readonly matched: ReadonlyMap<string, string | undefined>;
  /** Labels by which an aggregation around it groups. */
  readonly grouped: readonly string[];
}

/** Values for the variables that Grafana puts into a query. */
const variables: Readonly<Record<string, string>> = {
  $__rate_interval: "5m",
  $instance: ".*",
  $workspace: ".*",
};

/** The metrics of a query. Throws for one that is not PromQL or has an unknown variable. */
export function selectedIn(query: string): Selected[] {
  const text = query.replace(/\$\w+/g, (name) => {
    const value = variables[name];
    if (value === undefined) throw new Error(`there is no variable ${name}: ${query}`);
    return value;
  });
  const found: Selected[] = [];
  parser.parse(text).iterate({
    enter: ({ type, node, from }) => {
      if (type.isError) throw new Error(`no PromQL at character ${from}: ${text}`);
      if (type.name === "VectorSelector") found.push(selected(node, text));
    },
  });
  return found;
}

function selected(node: SyntaxNode, text: string): Selected {
  const textOf = (one: SyntaxNode | null): string => (one ? text.slice(one.from, one.to) : "");
  const matched = new Map<string, string | undefined>();
  for (const matcher of node.getChild("LabelMatchers")?.getChildren("UnquotedLabelMatcher") ?? []) {
    const equal = textOf(matcher.getChild("MatchOp")) === "=";
    const value = textOf(matcher.getChild("StringLiteral")).slice(1, -1);
    matched.set(textOf(matcher.getChild("LabelName")), equal ? value : undefined);
  }
  const grouped: string[] = [];
  for (let above = node.parent; above; above = above.parent) {
    const labels = above.getChild("AggregateModifier")?.getChild("GroupingLabels");
    grouped.push(...(labels?.getChildren("LabelName") ?? []).map(textOf));
  }
  return { metric: textOf(node.getChild("Identifier")), matched, grouped };
}
