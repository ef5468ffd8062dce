// Names over the city while it stands still: asks the viewer for named things in the picture, nearest first, and keeps
// those that do not lie over each other. While the camera moves they fade, because text that trails is worse than none.
import { signal } from "@preact/signals";

import { labelsOn, resting } from "../state";
import type { ViewerLabel } from "../viewer/contract";

const MOST_SHOWN = 18;
/** How many are asked for, so that enough are left after the crowd is thinned. */
export const MOST_ASKED = 600;
/** Clear space kept around each name, so that they spread over the picture. */
const SPACE_PX = 34;
const LAYERS = new Set(["buildings", "poi", "water", "vegetation", "landuse", "bridges", "terrain"]);
const HEIGHT_PX = 24;
const LIFT_PX = 20;

const shown = signal<ViewerLabel[]>([]);

interface Area {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** About how wide a name is at 12 px. */
function widthPx(name: string): number {
  let width = 18;
  for (const char of name) width += char > "\u2e80" ? 12 : 7;
  return width;
}

function areaOf(label: ViewerLabel): Area {
  const half = widthPx(label.name) / 2 + 5;
  const y = label.y - LIFT_PX;
  return { left: label.x - half, right: label.x + half, top: y - HEIGHT_PX, bottom: y + 5 };
}

const meet = (a: Area, b: Area) =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

/** The first of `all` that lie apart from each other and from what `taken` covers. */
export function spread(all: ViewerLabel[], taken: Area[] = [], most = MOST_SHOWN): ViewerLabel[] {
  const areas = [...taken];
  const chosen: ViewerLabel[] = [];
  for (const label of all) {
    if (chosen.length >= most) break;
    if (!LAYERS.has(label.layer)) continue;
    const area = areaOf(label);
    if (areas.some((other) => meet(other, area))) continue;
    areas.push({
      left: area.left - SPACE_PX,
      right: area.right + SPACE_PX,
      top: area.top - SPACE_PX,
      bottom: area.bottom + SPACE_PX,
    });
    chosen.push(label);
  }
  return chosen;
}

function panelAreas(): Area[] {
  const panels = document.querySelectorAll<HTMLElement>(
    ".topbar, .layers, .card, .dock, .timebar, .statusbar",
  );
  const areas: Area[] = [...panels].map((panel) => panel.getBoundingClientRect());
  const { innerWidth: width, innerHeight: height } = window;
  // What lies beyond the window's sides counts as covered, so that no name is cut off there.
  areas.push({ left: -width, right: 0, top: 0, bottom: height });
  areas.push({ left: width, right: 2 * width, top: 0, bottom: height });
  return areas;
}

/** The camera rests: these are the named things in the picture. */
export function placeLabels(all: ViewerLabel[]): void {
  shown.value = spread(all, panelAreas());
}

/** The names. Those who cannot see them have the search. */
export function Labels() {
  if (!labelsOn.value) return null;
  return (
    <div class="labels" data-still={resting.value} aria-hidden="true">
      {shown.value.map((label) => (
        <span key={label.id} style={{ transform: `translate(${label.x}px, ${label.y - LIFT_PX}px)` }}>
          <b>{label.name}</b>
        </span>
      ))}
    </div>
  );
}
