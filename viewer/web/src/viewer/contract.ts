// What the wasm module gives the page, as TypeScript sees it. The module is built from viewer/app; its functions trade
// in numbers, bytes and JSON texts only, and this file is the one place that spells them.

/** A switch in the layer panel: one element of `layers()`. */
export interface ViewerLayer {
  name: string;
  on: boolean;
  count: number;
}

/** The colour ramp of one observed property: one element of `legend()`. */
export interface Legend {
  property: string;
  /** UCUM. */
  unit: string;
  min: number;
  max: number;
  /** Value and `#rrggbb`, ascending. */
  stops: [value: number, colour: string][];
  /** Sensors that have reported it. */
  count: number;
  /** Whether sensors are coloured by it now. */
  shown: boolean;
}

/** Figures of the last moments: `stats()`. */
export interface ViewerStats {
  /** Things held. */
  entities: number;
  /** Rows of states taken since the start. */
  updates: number;
  /** Frames a second, smoothed. */
  fps: number;
  /** `WebGPU` or `WebGL2`. */
  backend: string;
  /** The newest instant of any state, UTC microseconds. */
  last_time_us: number | null;
  /** Whether the GPU has finished a frame that holds all of the first snapshot. */
  seen: boolean;
}

/** A named thing's place on screen: one element of `labels()`. */
export interface ViewerLabel {
  id: string;
  name: string;
  layer: string;
  x: number;
  y: number;
}

/** Where the eye is and how it looks: `camera()`; more is said there than the page needs. */
export interface CameraPose {
  lon_deg: number;
  lat_deg: number;
  /** Above the drawn ground. */
  height_m: number;
  /** Clockwise from north. */
  heading_deg: number;
  /** Down is negative. */
  pitch_deg: number;
}

/** The viewer as wasm-bindgen exports it. Positions are CSS pixels from the canvas's top left corner. */
export interface WasmViewer {
  /** One Arrow IPC stream and `performance.now()` at its arrival. */
  push(bytes: Uint8Array, now_ms: number): void;
  /** Everything is told anew from here on, as after a broken line. */
  begin_snapshot(): void;
  /** Everything has been told: what was not told again is gone. */
  end_snapshot(): void;
  frame(time_ms: number): void;
  resize(width_px: number, height_px: number, dpr: number): void;
  /** `turn`: shift or control is held, so that the main button turns instead of moving. */
  pointer_down(id: number, x: number, y: number, button: number, turn: boolean): void;
  pointer_move(id: number, x: number, y: number): boolean;
  pointer_up(id: number): void;
  wheel(x: number, y: number, delta_y: number): void;
  /** By `KeyboardEvent.code`; true when the key means something. */
  key(code: string, down: boolean): boolean;
  /** Lets go of every pointer and key. */
  release(): void;
  set_layer(name: string, on: boolean): void;
  /** JSON: `ViewerLayer[]`. */
  layers(): string;
  /** JSON: `Legend[]`. */
  legend(): string;
  /** Which property colours the sensors; none: each shows what it measures. */
  set_property(property: string | undefined): void;
  /** `height_m` is the looked-at thing's height above the ground. */
  fly_to(lon_deg: number, lat_deg: number, height_m: number): void;
  fly_home(): void;
  /** The id of the thing under a pixel; it is highlighted. */
  hover_at(x: number, y: number): Promise<string | null>;
  clear_hover(): void;
  pick_at(x: number, y: number): Promise<string | null>;
  select(id: string | undefined): void;
  /** JSON: `ViewerLabel[]`, nearest first. */
  labels(most: number): string;
  /** Longitude and latitude of the ground under a pixel; undefined above the horizon. */
  ground_at(x: number, y: number): Float64Array | undefined;
  /** Pixels of places that come as longitude, latitude, metres above the ground; NaN behind the eye. */
  on_screen(places: Float64Array): Float32Array;
  /** Light as at this instant, UTC milliseconds; undefined: as the theme says. */
  set_time(utc_ms: number | undefined): void;
  set_theme(theme: "day" | "night"): void;
  /** JSON: `CameraPose`, or null before anything has arrived. */
  camera(): string;
  set_camera(
    lon_deg: number,
    lat_deg: number,
    height_m: number,
    heading_deg: number,
    pitch_deg: number,
  ): void;
  /** JSON: `ViewerStats`. */
  stats(): string;
}

/** The module that wasm-bindgen writes (`--target web`). */
export interface WasmModule {
  default(options: { module_or_path: Promise<Response> }): Promise<unknown>;
  start(canvas_id: string, backend: string): Promise<WasmViewer>;
}
