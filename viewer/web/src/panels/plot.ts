// The one place that knows uPlot; loaded when the first chart is opened.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

import type { Reading } from "../api/types";

/** How a chart looks. */
export interface PlotStyle {
  line: string;
  text: string;
  grid: string;
  unit: string;
  tick: (value: number) => string;
}

const HEIGHT_PX = 150;

/** Draws a chart into an element and keeps it as wide as that; the function returned takes it away. */
export function draw(place: HTMLElement, rows: Reading[], style: PlotStyle): () => void {
  const font = `11px ${getComputedStyle(place).fontFamily}`;
  const axis = { stroke: style.text, font, grid: { stroke: style.grid, width: 1 }, ticks: { show: false } };
  const options: uPlot.Options = {
    width: place.clientWidth,
    height: HEIGHT_PX,
    padding: [10, 8, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 7 }, drag: { setScale: false, x: false, y: false } },
    scales: { x: { time: true } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        space: 64,
        size: 26,
        values: (_plot, splits) => splits.map((s) => clock(s)),
      },
      { ...axis, size: 46, space: 36, values: (_plot, splits) => splits.map((value) => style.tick(value)) },
    ],
    series: [
      {},
      { stroke: style.line, width: 1.8, fill: fade(style.line), points: { show: rows.length < 40, size: 4 } },
    ],
    hooks: { setCursor: [(plot) => showReading(plot, style)] },
  };
  const data: uPlot.AlignedData = [rows.map(([timeUs]) => timeUs / 1e6), rows.map(([, value]) => value)];
  const plot = new uPlot(options, data, place);
  const note = document.createElement("div");
  note.className = "chart-note";
  plot.over.append(note);
  const watch = new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: HEIGHT_PX }));
  watch.observe(place);
  return () => {
    watch.disconnect();
    plot.destroy();
  };
}

function clock(seconds: number): string {
  const at = new Date(seconds * 1000);
  const [h, m, s] = [at.getHours(), at.getMinutes(), at.getSeconds()].map((n) => String(n).padStart(2, "0"));
  return s === "00" ? `${h}:${m}` : `${h}:${m}:${s}`;
}

function fade(colour: string): string {
  return /^#[\da-f]{6}$/i.test(colour) ? `${colour}22` : "transparent";
}

function showReading(plot: uPlot, style: PlotStyle): void {
  const note = plot.over.querySelector<HTMLElement>(".chart-note");
  const index = plot.cursor.idx;
  if (!note) return;
  const time = index == null ? undefined : plot.data[0][index];
  const value = index == null ? undefined : plot.data[1]?.[index];
  note.hidden = time === undefined || value == null;
  if (time === undefined || value == null) return;
  note.textContent = `${clock(time)}  ${style.tick(value)} ${style.unit}`;
  const left = plot.valToPos(time, "x");
  note.style.left = `${Math.min(Math.max(left, 48), plot.over.clientWidth - 48)}px`;
}
