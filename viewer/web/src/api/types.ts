// The shapes the server answers with. Times are RFC 3339 unless the name ends in `_us` (UTC microseconds); places are
// WGS 84 / CGCS2000 degrees and metres.

/** `GET /api/info` */
export interface CityInfo {
  name: string;
  version: string;
  synthetic: boolean;
  /** West, south, east, north. */
  region: [number, number, number, number] | null;
  counts: Record<string, number>;
  datastreams: number;
  observations: number;
  positions: number;
  sequence: number;
  time: string;
}

/** A place; the height stands on what the entity's height reference says. */
export interface Place {
  lon: number;
  lat: number;
  height_m: number | null;
}

/** One reading in a series: time in microseconds, value. */
export type Reading = [time_us: number, value: number];

/** A series of readings of one property. */
export interface Datastream {
  id: number | string;
  property: string;
  name: string;
  unit: string;
  latest: { time: string; value: number; quality: string | number } | null;
  series: Reading[];
}

/** `GET /api/entities/{id}` */
export interface Entity {
  id: string;
  kind: string;
  class: string;
  name: string | null;
  source: { dataset: string; id: string };
  lineage: string;
  height_reference: string;
  place: Place | null;
  recorded_at: string;
  sequence: number;
  valid_from: string | null;
  valid_to: string | null;
  /** `_3d`: with the height, where that counts from the ellipsoid. */
  codes: Partial<
    Record<"beidou" | "beidou_3d" | "geosot" | "geosot_3d" | "h3" | "key", string | null>
  > | null;
  properties: Record<string, unknown>;
  parent: string | null;
  datastreams: Datastream[];
  position: (Place & { time: string; heading_deg: number | null; speed_m_s: number | null }) | null;
  receipt: { state: "registered" | "pending" | "none"; leaf_index?: number | null; log_size?: number | null };
}

/** One row of `GET /api/search`. */
export interface Hit {
  id: string | null;
  kind: string;
  class?: string;
  name: string | null;
  /** The same name in other languages. */
  other_names?: string[];
  lon: number | null;
  lat: number | null;
  height_m?: number | null;
  match?: "name" | "id" | "code" | "class";
}

/** `GET /api/datastreams/{id}/observations` */
export interface Series {
  id: number | string;
  property: string;
  unit: string;
  rows: Reading[];
}

/** Text frames of `/live`. */
export type Control =
  | { type: "hello"; sequence: number; time: string; entities: number }
  | { type: "snapshot_end"; sequence: number; time?: string }
  | { type: "error"; description: string }
  | { type: "gap"; missed: number; coalesced: number }
  | { type: "ping"; time_us: number };

/** A value of a row of `/sql`. */
export type Cell = string | number | boolean | null | object;
/** A row of `/sql`, by column. */
export type Row = Record<string, Cell>;

/** `POST /sql` as JSON. */
export interface Answer {
  sequence: number;
  /** Why rows are missing, if any are. */
  truncated: string | null;
  rows: Row[];
}

/** One record of `/alerts`. */
export interface Alert {
  number: number;
  id: string;
  rule: string;
  event: "enter" | "exit" | "dwell" | "speed" | "raised" | "cleared" | "acknowledged";
  thing: string | null;
  fence: string | null;
  datastream: number | null;
  time: string;
  value: number | null;
  lon: number | null;
  lat: number | null;
  height_m: number | null;
  /** Of an acknowledgement: which alert, and by whom. */
  alert?: number | null;
  by?: string | null;
}
