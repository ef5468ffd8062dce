// What the page knows, as signals that panels read and that main, the live line and the viewer write. No logic beyond
// deriving one from another; nothing here touches the network or the DOM.
import { computed, signal } from "@preact/signals";

import type { CityInfo, Entity } from "./api/types";
import type { LinkState } from "./live/socket";
import { recall } from "./memory";
import { isPast } from "./time/machine";
import type { Legend, ViewerLayer } from "./viewer/contract";

/** Day is light, night is dark; the picture and the panels follow the same word. */
export type Theme = "day" | "night";

/** What keeps the picture from being shown at all. */
export type Problem =
  { kind: "no_gpu" } | { kind: "viewer"; detail: string } | { kind: "stopped"; detail: string };

/** What the card shows. */
export type Card =
  | { state: "loading"; id: string }
  | { state: "ready"; id: string; entity: Entity; fetchedAtMs: number }
  | { state: "missing"; id: string }
  | { state: "failed"; id: string; reason: string };

function firstTheme(): Theme {
  const saved = recall("theme");
  if (saved === "day" || saved === "night") return saved;
  const dark = typeof matchMedia === "function" && matchMedia("(prefers-color-scheme: dark)").matches;
  return dark ? "night" : "day";
}

/** True while the window is as narrow as a phone; panels are bottom sheets then. */
export const narrow = signal(false);

export const theme = signal<Theme>(firstTheme());
export const info = signal<CityInfo | null>(null);
export const problem = signal<Problem | null>(null);

export const link = signal<LinkState>({ phase: "connecting", attempt: 0 });
/** True from the first complete snapshot on. */
export const arrived = signal(false);
/** True once the viewer runs. */
export const viewing = signal(false);
/** True once the viewer has drawn a frame. */
export const drawing = signal(false);
/** True once the whole first snapshot is on screen. */
export const built = signal(false);
export const serverReachable = signal(true);
/** How many things the server has said that it will tell. */
export const expected = signal(0);
/** True once the first picture has been waited for long enough. */
export const late = signal(false);
/** True once the panels are there; they stay. */
export const opened = signal(false);

/** Figures of the status bar. */
export const entities = signal(0);
export const updatesPerSecond = signal(0);
export const delayMs = signal<number | null>(null);
export const framesPerSecond = signal(0);
export const backend = signal("");
export const lastDataUs = signal<number | null>(null);
export const missed = signal({ missed: 0, coalesced: 0 });
export const pointer = signal<{ lon: number; lat: number } | null>(null);
/** The present, once a second: ages and countdowns follow it. */
export const nowMs = signal(Date.now());

export const layers = signal<ViewerLayer[]>([]);
export const legends = signal<Legend[]>([]);

/** True while the camera stands still. */
export const resting = signal(false);

/** The one layer that the page draws itself. */
export const labelsOn = signal(true);

export const selected = signal<string | null>(null);
export const card = signal<Card | null>(null);
export const hover = signal<{ id: string; x: number; y: number; title: string; detail: string } | null>(null);

export const layersOpen = signal(recall("layers_open") !== "no");
export const helpOpen = signal(false);
export const toast = signal<string | null>(null);

/** True when the server has said that it holds nothing, and nothing has come since. A past without things is no empty city. */
export const empty = computed(() => arrived.value && entities.value === 0 && !isPast.value);

/**
 * True when nothing speaks for waiting with the panels any more. They come with the first picture: without a graphics chip
 * drawing them takes a second from it.
 */
export const due = computed(
  () => built.value || late.value || empty.value || problem.value !== null || !serverReachable.value,
);

/** How much of the city the viewer has, 0 to 1. */
export const received = computed(() => {
  if (!viewing.value) return 0;
  if (arrived.value) return 1;
  return expected.value > 0 ? Math.min(entities.value / expected.value, 1) : 0;
});
