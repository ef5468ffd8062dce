// The address's hash: camera, selection and the layers that are off, so that a view can be sent as a link. Comes in and
// goes out: text such as `#v=116.31,39.98,420,30,-35&s=0197…&off=roads,labels`. A hash that makes no sense is ignored
// part by part, never an error.

/** What a link can say. `camera` holds the viewer's own numbers in the viewer's order. */
export interface View {
  camera: number[] | null;
  selected: string | null;
  off: string[];
}

/** Decimals kept of each number: a tenth of a metre and of a degree of turn is as fine as anybody looks. */
const DECIMALS = [6, 6, 1, 1, 1];

function short(value: number, index: number): string {
  return String(Number(value.toFixed(DECIMALS[index] ?? 1)));
}

/** The hash of a view, with its `#`; the empty view is the empty string. */
export function writeHash(view: View): string {
  const parts: string[] = [];
  if (view.camera) parts.push(`v=${view.camera.map(short).join(",")}`);
  if (view.selected) parts.push(`s=${encodeURIComponent(view.selected)}`);
  if (view.off.length > 0) parts.push(`off=${view.off.map(encodeURIComponent).join(",")}`);
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
  const view: View = { camera: null, selected: null, off: [] };
  for (const part of hash.replace(/^#/, "").split("&")) {
    const cut = part.indexOf("=");
    const [name, value] = [part.slice(0, cut), part.slice(cut + 1)];
    if (name === "v") {
      const numbers = value.split(",").map(Number);
      if (numbers.length >= 3 && numbers.every(Number.isFinite)) view.camera = numbers;
    } else if (name === "s") {
      view.selected = decoded(value) || null;
    } else if (name === "off") {
      view.off = value.split(",").map(decoded).filter(Boolean);
    }
  }
  return view;
}
