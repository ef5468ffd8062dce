// The address's hash: camera, selection, the layers that are off, the instant, what is drawn and the open tab with its
// question, so that a view can be sent as a link. Comes in and goes out: text such as
// `#v=116.31,39.98,420,30,-35&s=0197…&off=roads,labels&t=2026-11-30T08:00:00Z`. A hash that makes no sense is ignored part
// by part, never an error.

/** What a link can say. `camera` holds the viewer's own numbers in the viewer's order. */
export interface View {
  camera: number[] | null;
  selected: string | null;
  off: string[];
  /** The instant that is shown, RFC 3339 in UTC; null: the present. */
  time: string | null;
  /** What is drawn on the ground. */
  area: string | null;
  /** The open tab of the workbench. */
  tab: string | null;
  /** The question in the SQL tab. */
  sql: string | null;
}

/** A fresh page's view. */
export const emptyView: View = {
  camera: null,
  selected: null,
  off: [],
  time: null,
  area: null,
  tab: null,
  sql: null,
};

/** Parts that are plain texts, by their names in the hash. */
const TEXTS = { s: "selected", t: "time", a: "area", w: "tab", q: "sql" } as const;

/** Decimals kept of each number: a tenth of a metre and of a degree of turn is as fine as anybody looks. */
const DECIMALS = [6, 6, 1, 1, 1];

function short(value: number, index: number): string {
  return String(Number(value.toFixed(DECIMALS[index] ?? 1)));
}

/** The hash of a view, with its `#`; the empty view is the empty string. */
export function writeHash(view: View): string {
  const parts: string[] = [];
  if (view.camera) parts.push(`v=${view.camera.map(short).join(",")}`);
  if (view.off.length > 0) parts.push(`off=${view.off.map(encodeURIComponent).join(",")}`);
  for (const [name, field] of Object.entries(TEXTS)) {
    const text = view[field];
    if (text) parts.push(`${name}=${encodeURIComponent(text)}`);
  }
  return parts.length === 0 ? "" : `#${parts.join("&")}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

/** The view in a hash. */
export function readHash(hash: string): View {
  const view: View = { ...emptyView };
  for (const part of hash.replace(/^#/, "").split("&")) {
    const cut = part.indexOf("=");
    const [name, value] = [part.slice(0, cut), part.slice(cut + 1)];
    if (name === "v") {
      const numbers = value.split(",").map(Number);
      if (numbers.length >= 3 && numbers.every(Number.isFinite)) view.camera = numbers;
    } else if (name in TEXTS) {
      view[TEXTS[name as keyof typeof TEXTS]] = decoded(value) || null;
    } else if (name === "off") {
      view.off = value.split(",").map(decoded).filter(Boolean);
    }
  }
  return view;
}
