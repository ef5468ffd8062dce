// What the workbench under the city shows: the open tab, the question in the SQL tab, and places that an answer has put on
// the map. Signals only; panels read and write them.
import { signal } from "@preact/signals";

import { recall } from "./memory";

/** The tabs there are, in their order. */
export const TABS = ["overview", "area", "sql", "alarms"] as const;
export type Tab = (typeof TABS)[number];

/** A place that an answer has put on the map. */
export interface Dot {
  lon: number;
  lat: number;
}

/** The open tab; null: the workbench is closed. */
export const tab = signal<Tab | null>(null);
/** The text of the SQL tab. */
export const question = signal(recall("question") ?? "");
/** Places on the map. */
export const dots = signal<Dot[]>([]);
/** True while the bar of time is there. */
export const timeOpen = signal(recall("time_open") === "yes");

/** The tab of a name, or null. */
export function tabNamed(name: string | null): Tab | null {
  return TABS.find((known) => known === name) ?? null;
}

/** The picture of a report that is being printed. */
export const printed = signal<string | null>(null);
