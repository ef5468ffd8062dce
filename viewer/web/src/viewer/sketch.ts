// What a person draws on the ground: a polygon, a circle or a way. Comes in: places in degrees, one after the other; goes
// out: the shape, its measures in metres and its text for a question. Nothing here draws or asks.
import { computed, signal } from "@preact/signals";

/** Longitude and latitude in degrees. */
export type Place = [lon: number, lat: number];
export type Shape = "polygon" | "circle" | "way";

/** A shape while it is drawn and after. A circle holds its middle and a place on its rim. */
export interface Sketch {
  shape: Shape;
  places: Place[];
  done: boolean;
}

/** What is drawn, if anything. */
export const sketch = signal<Sketch | null>(null);
/** Where the pointer is while something is drawn. */
export const aim = signal<Place | null>(null);
/** True while clicks draw. */
export const drawing = computed(() => sketch.value !== null && !sketch.value.done);

const CIRCLE_CORNERS = 64;
/** Fewer places than these make no shape. */
const LEAST: Record<Shape, number> = { polygon: 3, circle: 2, way: 2 };

/** Begins a shape; what was drawn before is gone. */
export function begin(shape: Shape): void {
  aim.value = null;
  sketch.value = { shape, places: [], done: false };
}

/** Takes the drawing away. */
export function clear(): void {
  sketch.value = null;
  aim.value = null;
}

/** Adds a place; a circle is done with its second. */
export function add(place: Place): void {
  const now = sketch.peek();
  if (!now || now.done) return;
  const places = [...now.places, place];
  sketch.value = { ...now, places, done: now.shape === "circle" && places.length === 2 };
}

/** Takes the last place back. */
export function back(): void {
  const now = sketch.peek();
  if (now && !now.done) sketch.value = { ...now, places: now.places.slice(0, -1) };
}

/** Ends the drawing; too few places make nothing, and it goes on. */
export function finish(): void {
  const now = sketch.peek();
  if (now && !now.done && now.places.length >= LEAST[now.shape]) sketch.value = { ...now, done: true };
}

/** Metres of a degree of longitude and of latitude at a latitude on the WGS 84 ellipsoid; series of the meridian's arc. */
export function metresPerDegree(lat: number): [lon: number, lat: number] {
  const f = (lat * Math.PI) / 180;
  const alongLat = 111_132.954 - 559.822 * Math.cos(2 * f) + 1.175 * Math.cos(4 * f);
  const alongLon = 111_412.84 * Math.cos(f) - 93.5 * Math.cos(3 * f) + 0.118 * Math.cos(5 * f);
  return [alongLon, alongLat];
}

/** Metres between two places of one city. */
export function distanceM(a: Place, b: Place): number {
  const [perLon, perLat] = metresPerDegree((a[1] + b[1]) / 2);
  return Math.hypot((b[0] - a[0]) * perLon, (b[1] - a[1]) * perLat);
}

/** Metres along the places. */
export function lengthM(places: Place[]): number {
  return places.slice(1).reduce((sum, place, i) => sum + distanceM(places[i] ?? place, place), 0);
}

/** Square metres within a ring of places, closed or not. */
export function areaM2(ring: Place[]): number {
  const origin = ring[0];
  if (!origin) return 0;
  const [perLon, perLat] = metresPerDegree(ring.reduce((sum, [, lat]) => sum + lat, 0) / ring.length);
  const flat = ring.map(([lon, lat]) => [(lon - origin[0]) * perLon, (lat - origin[1]) * perLat] as Place);
  const twice = flat.reduce((sum, [x, y], i) => {
    const [nextX, nextY] = flat[(i + 1) % flat.length] ?? [x, y];
    return sum + x * nextY - nextX * y;
  }, 0);
  return Math.abs(twice) / 2;
}

function circleRing([middle, rim]: Place[]): Place[] {
  if (!middle || !rim) return [];
  const radius = distanceM(middle, rim);
  const [perLon, perLat] = metresPerDegree(middle[1]);
  return Array.from({ length: CIRCLE_CORNERS }, (_, i) => {
    const turn = (2 * Math.PI * i) / CIRCLE_CORNERS;
    return [middle[0] + (radius * Math.cos(turn)) / perLon, middle[1] + (radius * Math.sin(turn)) / perLat];
  });
}

/** The corners of a shape, not closed; a circle has sixty-four. */
export function outline(shape: Shape, places: Place[]): Place[] {
  return shape === "circle" ? circleRing(places) : places;
}

/** A polygon for a question, as well-known text; null for a way and for what is no area yet. */
export function polygonText(drawn: Sketch | null): string | null {
  if (!drawn || drawn.shape === "way" || !drawn.done) return null;
  const ring = outline(drawn.shape, drawn.places);
  const first = ring[0];
  if (ring.length < 3 || !first) return null;
  const text = [...ring, first].map(([lon, lat]) => `${lon.toFixed(7)} ${lat.toFixed(7)}`);
  return `POLYGON((${text.join(",")}))`;
}

/** A sketch for the address: `polygon:116.31,39.98;...`. */
export function sketchText(drawn: Sketch | null): string | null {
  if (!drawn?.done) return null;
  return `${drawn.shape}:${drawn.places.map(([lon, lat]) => `${lon.toFixed(6)},${lat.toFixed(6)}`).join(";")}`;
}

/** The sketch of an address's text, or null where it makes no sense. */
export function readSketch(text: string | null): Sketch | null {
  const [shape, rest] = (text ?? "").split(":");
  if (!rest || !(shape === "polygon" || shape === "circle" || shape === "way")) return null;
  const places = rest.split(";").map((pair) => pair.split(",").map(Number));
  const sound = places.every((p) => p.length === 2 && p.every(Number.isFinite) && Math.abs(p[1] ?? 91) <= 90);
  if (!sound || places.length < LEAST[shape] || places.length > 1000) return null;
  return { shape, places: places as Place[], done: true };
}
