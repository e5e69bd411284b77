// The latency distributions of a run as an SVG picture: percentiles to the right, spread out
// towards the tail as usual for HDR histograms, milliseconds upwards, both logarithmic.

import type { ScenarioResult } from "./scenario.ts";

const width = 860;
const height = 420;
const left = 70;
const right = 240;
const top = 40;
const bottom = 50;
const colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555"];
const dashes = ["", "6 3", "2 3"];
const ticks = [50, 90, 95, 99, 99.9];

interface Line {
  readonly name: string;
  readonly points: readonly (readonly [percent: number, ms: number])[];
}

/** How far to the right a percentile lies: each nine takes the same room. */
function across(percent: number): number {
  const nines = -Math.log10(1 - Math.min(percent, 99.95) / 100);
  const most = -Math.log10(1 - 99.95 / 100);
  return left + (nines / most) * (width - left - right);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

/** One picture of all that has a distribution; `undefined` when nothing has. */
export function chartOf(results: readonly ScenarioResult[]): string | undefined {
  const lines = results.flatMap(({ name, levels }) =>
    levels.flatMap((level): Line[] => {
      if (!level.curve) return [];
      const points = level.curve.filter(([, ms]) => ms > 0);
      return points.length > 0 ? [{ name: `${name}: ${level.name}`, points }] : [];
    }),
  );
  if (lines.length === 0) return undefined;
  const values = lines.flatMap(({ points }) => points.map(([, ms]) => Math.log10(ms)));
  const low = Math.floor(Math.min(...values));
  const high = Math.max(low + 1, Math.ceil(Math.max(...values)));
  const up = (ms: number): number => {
    const share = (Math.log10(ms) - low) / (high - low);
    return height - bottom - share * (height - top - bottom);
  };
  const parts = [...axes(low, high, up), ...lines.flatMap((line, i) => drawn(line, i, up))];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img"
 font-family="sans-serif" font-size="12"><title>Latency distributions</title>
<rect width="${width}" height="${height}" fill="white"/>
${parts.join("\n")}
</svg>
`;
}

function axes(low: number, high: number, up: (ms: number) => number): string[] {
  const parts = [`<text x="${left}" y="22" font-size="15">Latency by percentile, ms</text>`];
  for (let power = low; power <= high; power++) {
    const y = up(10 ** power);
    const end = width - right;
    parts.push(
      `<line x1="${left}" x2="${end}" y1="${y}" y2="${y}" stroke="#ddd"/>`,
      `<text x="${left - 8}" y="${y + 4}" text-anchor="end">${10 ** power}</text>`,
    );
  }
  for (const percent of ticks) {
    const x = across(percent).toFixed(1);
    const y = height - bottom;
    parts.push(
      `<line x1="${x}" x2="${x}" y1="${top}" y2="${y}" stroke="#eee"/>`,
      `<text x="${x}" y="${y + 18}" text-anchor="middle">P${percent}</text>`,
    );
  }
  return parts;
}

function drawn({ name, points }: Line, i: number, up: (ms: number) => number): string[] {
  const colour = colours[i % colours.length];
  const dash = dashes[Math.floor(i / colours.length) % dashes.length];
  const path = points
    .map(([percent, ms]) => `${across(percent).toFixed(1)},${up(ms).toFixed(1)}`)
    .join(" ");
  const y = top + 10 + i * 17;
  const style = `stroke="${colour}" stroke-width="2" stroke-dasharray="${dash}"`;
  return [
    `<polyline points="${path}" fill="none" ${style}/>`,
    `<line x1="${width - right + 12}" x2="${width - right + 36}" y1="${y}" y2="${y}" ${style}/>`,
    `<text x="${width - right + 42}" y="${y + 4}" font-size="10">${escaped(name)}</text>`,
  ];
}
