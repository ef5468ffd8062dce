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
  /** Whether all that was told has been built. */
  complete: boolean;
}

/** A named thing's place on screen: one element of `labels()`. */
export interface ViewerLabel {
  id: string;
  name: string;
  layer: string;
  x: number;
  y: number;
}

/** Bits of `modifiers`: shift 1, control 2, alt 4, meta 8. */
export type Modifiers = number;

/** The viewer as wasm-bindgen exports it. Positions are CSS pixels from the canvas's top left corner. */
export interface WasmViewer {
  push(bytes: Uint8Array): void;
  frame(time_ms: number): void;
  resize(width_px: number, height_px: number, dpr: number): void;
  pointer_down(id: number, x: number, y: number, button: number, modifiers: Modifiers): void;
  pointer_move(id: number, x: number, y: number, modifiers: Modifiers): void;
  pointer_up(id: number, x: number, y: number): void;
  wheel(x: number, y: number, delta: number): void;
  key_down(code: string): void;
  key_up(code: string): void;
  set_layer(name: string, on: boolean): void;
  /** JSON: `ViewerLayer[]`. */
  layers(): string;
  /** JSON: `Legend[]`. */
  legend(): string;
  /** Which property colours the sensors; none: each shows what it measures. */
  set_legend(property: string | undefined): void;
  fly_to(lon: number, lat: number, height_m: number): void;
  fly_home(): void;
  /** The id of the thing under a pixel. */
  hover_at(x: number, y: number): Promise<string | undefined>;
  pick_at(x: number, y: number): Promise<string | undefined>;
  select(id: string | undefined): void;
  /** JSON: `ViewerLabel[]`, nearest first. */
  labels(most: number): string;
  /** Longitude and latitude of the ground under a pixel; empty above the horizon. */
  ground_at(x: number, y: number): Float64Array | undefined;
  set_theme(theme: "day" | "night"): void;
  /** Numbers that `set_camera` takes again. */
  camera(): Float64Array;
  set_camera(numbers: Float64Array): void;
  /** JSON: `ViewerStats`. */
  stats(): string;
}

/** The module that wasm-bindgen writes (`--target web`). */
export interface WasmModule {
  default(options: { module_or_path: Promise<Response> }): Promise<unknown>;
  start(canvas_id: string, backend: string): Promise<WasmViewer>;
}
