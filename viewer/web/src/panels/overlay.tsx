// What lies on the picture and not in it: the shape that is being drawn with its measure, and the places of an answer. It
// follows the camera frame by frame while there is something to show, and stands still otherwise.
import { effect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { number } from "../format";
import { locale } from "../i18n";
import { aim, lengthM, outline, sketch, type Place, type Sketch } from "../viewer/sketch";
import { dots } from "../workbench";

/** From places to pixels: `[x, y]` of each, NaN behind the eye. */
export type Project = (places: Place[]) => Float32Array;

const MOST_DOTS = 5_000;

/** A path through projected places; those behind the eye are left out. */
export function pathOf(points: Float32Array, closed: boolean): string {
  let path = "";
  for (let i = 0; i + 1 < points.length; i += 2) {
    const [x, y] = [points[i] ?? NaN, points[i + 1] ?? NaN];
    if (Number.isNaN(x) || Number.isNaN(y)) continue;
    path += `${path === "" ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
  }
  return closed && path !== "" ? `${path}Z` : path;
}

/** Small circles as one path. */
export function dotsPath(points: Float32Array, radius: number): string {
  let path = "";
  for (let i = 0; i + 1 < points.length; i += 2) {
    const [x, y] = [points[i] ?? NaN, points[i + 1] ?? NaN];
    if (Number.isNaN(x) || Number.isNaN(y)) continue;
    path += `M${(x - radius).toFixed(1)} ${y.toFixed(1)}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0`;
  }
  return path;
}

/** The places of a sketch with the one that the pointer is at. */
function withAim(drawn: Sketch): Place[] {
  return drawn.done || !aim.value ? drawn.places : [...drawn.places, aim.value];
}

function draw(svg: SVGSVGElement, project: Project): void {
  const set = (name: string, path: string) => svg.querySelector(`.${name}`)?.setAttribute("d", path);
  const drawn = sketch.value;
  const places = drawn ? withAim(drawn) : [];
  const closed = drawn !== null && drawn.shape !== "way";
  const points = drawn ? project(outline(drawn.shape, places)) : new Float32Array();
  set("sketch-area", closed ? pathOf(points, true) : "");
  set("sketch-line", pathOf(points, closed));
  set("sketch-corners", drawn ? dotsPath(project(drawn.places), 4) : "");
  set("answer-dots", dotsPath(project(dots.value.slice(0, MOST_DOTS).map(({ lon, lat }) => [lon, lat])), 5));
  const note = svg.querySelector(".sketch-note");
  const metres = drawn && places.length > 1 ? lengthM(places) : 0;
  const [x, y] = points.slice(-2);
  const noted =
    drawn !== null && drawn.shape !== "polygon" && metres > 0 && Number.isFinite(x) && Number.isFinite(y);
  note?.setAttribute("x", String((noted ? (x ?? 0) : -999) + 10));
  note?.setAttribute("y", String((noted ? (y ?? 0) : -999) - 10));
  if (note) note.textContent = noted ? `${number(metres, locale.value)} m` : "";
}

/** The drawing. */
export function Overlay({ project }: { project: Project }) {
  const svg = useRef<SVGSVGElement>(null);
  useEffect(() => {
    let frame = 0;
    const step = () => {
      if (svg.current) draw(svg.current, project);
      frame = sketch.value || dots.value.length > 0 ? requestAnimationFrame(step) : 0;
    };
    const stop = effect(() => {
      void [sketch.value, dots.value];
      if (frame === 0) frame = requestAnimationFrame(step);
    });
    return () => {
      stop();
      cancelAnimationFrame(frame);
    };
  }, []);
  return (
    <svg ref={svg} class="overlay" aria-hidden="true">
      <path class="sketch-area" />
      <path class="sketch-line" />
      <path class="answer-dots" />
      <path class="sketch-corners" />
      <text class="sketch-note" />
    </svg>
  );
}
