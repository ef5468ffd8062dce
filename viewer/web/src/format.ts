// Numbers, units, times and places as people read them. Comes in: SI values, UCUM units, UTC microseconds, degrees;
// goes out: text in the language asked for. Nothing here converts a unit or guesses one.

const units: Record<string, string> = {
  "1": "",
  "ug/m3": "µg/m³",
  "mg/m3": "mg/m³",
  m3: "m³",
  "m3/s": "m³/s",
  m2: "m²",
  Cel: "°C",
  deg: "°",
  "dB[SPL]": "dB",
  "dB(A)": "dB(A)",
  "[ppb]": "ppb",
  "[ppm]": "ppm",
  "{space}": "",
  "{spaces}": "",
  "{count}": "",
};

/** A UCUM unit as it is written for people; an unknown one is shown as it came, less its annotations. */
export function unitText(ucum: string): string {
  return units[ucum] ?? ucum.replace(/\{[^}]*\}/g, "").replace(/^\[(.*)\]$/, "$1");
}

/** A number with as many decimals as its size deserves. */
export function number(value: number, locale: string, decimals?: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const most =
    decimals ?? (Number.isInteger(value) || size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 3);
  return new Intl.NumberFormat(locale, { maximumFractionDigits: most }).format(value);
}

/** A value with its unit: `42.1 µg/m³`, `81 %`, `12 °C`. */
export function quantity(value: number, ucum: string, locale: string): string {
  const unit = unitText(ucum);
  return unit === "" ? number(value, locale) : `${number(value, locale)}\u202f${unit}`;
}

/** A number as the source wrote it, without grouping: a year or a house number must not get a comma. */
export function plain(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(9)));
}

/** A count short enough for a badge: `980`, `12.4k`, `3.1M`. */
export function shortCount(count: number, locale: string): string {
  const style = { notation: "compact", maximumFractionDigits: 1 } as const;
  return count < 10_000 ? number(count, locale) : new Intl.NumberFormat(locale, style).format(count);
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}

/** The time of day at the reader's place: `16:04:09`. */
export function localClock(timeUs: number): string {
  const at = new Date(timeUs / 1000);
  return `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
}

/** The time of day in UTC: `08:04:09`. */
export function utcClock(timeUs: number): string {
  return new Date(timeUs / 1000).toISOString().slice(11, 19);
}

/** The reader's zone as an offset: `UTC+8`, `UTC-3:30`, `UTC`. */
export function zoneText(offsetMinutes: number): string {
  if (offsetMinutes === 0) return "UTC";
  const size = Math.abs(offsetMinutes);
  const rest = size % 60 === 0 ? "" : `:${pad(size % 60)}`;
  return `UTC${offsetMinutes < 0 ? "-" : "+"}${Math.floor(size / 60)}${rest}`;
}

/** The reader's own offset from UTC in minutes, east positive. */
export function localOffsetMinutes(timeUs: number): number {
  return -new Date(timeUs / 1000).getTimezoneOffset();
}

/** Date and time at the reader's place, with its zone. */
export function localDateTime(timeUs: number, locale: string): string {
  const style = { dateStyle: "medium", timeStyle: "medium" } as const;
  const text = new Intl.DateTimeFormat(locale, style).format(new Date(timeUs / 1000));
  return `${text} ${zoneText(localOffsetMinutes(timeUs))}`;
}

/** How long ago, in the coarsest unit that says something, as a string's name and its number. */
export function age(ms: number): { unit: "now" | "s" | "min" | "h" | "d"; n: number } {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 2) return { unit: "now", n: 0 };
  if (s < 90) return { unit: "s", n: s };
  if (s < 5400) return { unit: "min", n: Math.round(s / 60) };
  if (s < 129_600) return { unit: "h", n: Math.round(s / 3600) };
  return { unit: "d", n: Math.round(s / 86_400) };
}

/** Microseconds of an RFC 3339 instant, or null. */
export function parseTimeUs(text: string | null | undefined): number | null {
  const ms = text ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? null : ms * 1000;
}

/** Degrees of a place as text, five decimals (about a metre) each, with the letters of the hemispheres. */
export function degrees(
  lon: number,
  lat: number,
): { lat: string; ns: "n" | "s"; lon: string; ew: "e" | "w" } {
  const text = (value: number) => `${Math.abs(value).toFixed(5)}°`;
  return { lat: text(lat), ns: lat < 0 ? "s" : "n", lon: text(lon), ew: lon < 0 ? "w" : "e" };
}

const suffixes: [ending: string, unit: string][] = [
  ["_m_s", "m/s"],
  ["_m2", "m2"],
  ["_m3", "m3"],
  ["_deg", "deg"],
  ["_kg", "kg"],
  ["_m", "m"],
];

/** A property's name parted from the unit that its ending says: `height_m` is `height` in `m`. */
export function splitUnit(name: string): { name: string; unit: string } {
  const found = suffixes.find(([ending]) => name.endsWith(ending) && name.length > ending.length);
  return found ? { name: name.slice(0, -found[0].length), unit: found[1] } : { name, unit: "1" };
}

/** One of the eight winds for a bearing in degrees clockwise from north. */
export function wind(headingDeg: number): "N" | "NE" | "E" | "SE" | "S" | "SW" | "W" | "NW" {
  const winds = ["N", "NE", "E", "SE", "S", "SW", "W", "NW"] as const;
  return winds[((Math.round(headingDeg / 45) % 8) + 8) % 8] ?? "N";
}

/** A long identifier with its middle left out: `0197c2…9f31`. */
export function middle(text: string, ends = 6): string {
  return text.length <= ends * 2 + 1 ? text : `${text.slice(0, ends)}…${text.slice(-ends)}`;
}
