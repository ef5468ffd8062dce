// Charts of readings: a sparkline drawn here for the row, and uPlot, fetched only when a chart is opened, for the
// whole. Comes in: readings in time order; goes out: pictures with a sentence for those who do not see them.
import { useEffect, useRef } from "preact/hooks";

import type { Reading } from "../api/types";
import { number, unitText } from "../format";
import { locale } from "../i18n";
import { theme } from "../state";

/** Lowest and highest value, or null when there is none. */
export function extent(series: Reading[]): [number, number] | null {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const [, value] of series) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? [low, high] : null;
}

/** An SVG path through the readings in a box, time to the right, value up. */
export function sparkPath(series: Reading[], width: number, height: number, margin = 2): string {
  const range = extent(series);
  const first = series[0];
  const last = series[series.length - 1];
  if (!range || !first || !last || series.length < 2) return "";
  const [low, high] = range;
  const x = (timeUs: number) =>
    ((timeUs - first[0]) / (last[0] - first[0] || 1)) * (width - 2 * margin) + margin;
  const flat = high === low;
  const y = (value: number) =>
    flat ? height / 2 : height - margin - ((value - low) / (high - low)) * (height - 2 * margin);
  const finite = series.filter(([, value]) => Number.isFinite(value));
  return finite
    .map(([at, v], index) => `${index ? "L" : "M"}${x(at).toFixed(1)} ${y(v).toFixed(1)}`)
    .join("");
}

/** The small line in a row; the row's own text says the value. */
export function Sparkline({ series }: { series: Reading[] }) {
  const [width, height] = [84, 24];
  const path = sparkPath(series, width, height);
  if (path === "") return <span class="spark" />;
  return (
    <svg class="spark" viewBox={`0 0 ${width} ${height}`} width={width} height={height} aria-hidden="true">
      <path d={path} fill="none" stroke="currentColor" stroke-width="1.6" stroke-linejoin="round" />
    </svg>
  );
}

function cssColour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** The whole chart, as wide as its place. */
export function Chart({ rows, unit, label }: { rows: Reading[]; unit: string; label: string }) {
  const box = useRef<HTMLDivElement>(null);
  const dark = theme.value === "night";
  const tag = locale.value;
  useEffect(() => {
    const place = box.current;
    if (!place || rows.length < 2) return undefined;
    let gone = false;
    let remove = () => {};
    void import("./plot").then(({ draw }) => {
      if (gone) return;
      const colours = { line: cssColour("--accent"), text: cssColour("--ink-2"), grid: cssColour("--line") };
      const tick = (value: number) => number(value, tag);
      remove = draw(place, rows, { ...colours, unit: unitText(unit), tick });
    });
    return () => {
      gone = true;
      remove();
    };
  }, [rows, unit, dark, tag]);
  return <div class="chart" ref={box} role="img" aria-label={label} />;
}
