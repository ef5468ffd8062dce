// Holds the wasm viewer: loads it, gives it frames and sizes, and hands its answers on as typed values. Comes in: Arrow
// bytes, switches, gestures; goes out: pictures, ids, figures. A request that the viewer refuses is logged and the
// viewer goes on; after a panic or a failed frame it is never called again, because it is in no state to be trusted.
import type {
  CameraPose,
  Legend,
  ViewerLabel,
  ViewerLayer,
  ViewerStats,
  WasmModule,
  WasmViewer,
} from "./contract";

/** An interface to draw with. */
export type Backend = "webgpu" | "webgl";

/** The download and compilation of the module, begun before anything else is ready. */
export function loadModule(): Promise<WasmModule> {
  const bytes = fetch("/wasm/urbis_viewer_bg.wasm").then((response) => {
    if (!response.ok)
      throw new Error(`/wasm/urbis_viewer_bg.wasm: ${response.status} ${response.statusText}`);
    return response;
  });
  const glue = "/wasm/urbis_viewer.js";
  return import(/* @vite-ignore */ glue).then(async (module: WasmModule) => {
    await module.default({ module_or_path: bytes });
    return module;
  });
}

/** The interface that this browser has to draw with, WebGPU before WebGL 2, or nothing. */
export async function findBackend(wanted: Backend | "auto"): Promise<Backend | null> {
  if (wanted !== "webgl" && "gpu" in navigator && navigator.gpu) {
    const adapter = await (navigator.gpu as { requestAdapter(): Promise<unknown> })
      .requestAdapter()
      .catch(() => null);
    if (adapter) return "webgpu";
  }
  if (wanted === "webgpu") return null;
  // A canvas of its own: one that has given a WebGL context can give no other.
  const context = document.createElement("canvas").getContext("webgl2");
  context?.getExtension("WEBGL_lose_context")?.loseContext();
  return context && "webgl";
}

/** The viewer, running. */
export class ViewerHost {
  readonly #viewer: WasmViewer;
  readonly #canvas: HTMLCanvasElement;
  readonly #failed: (detail: string) => void;
  #broken = false;
  #frames = 0;
  #fed = false;
  #leftOut = 0;

  private constructor(viewer: WasmViewer, canvas: HTMLCanvasElement, failed: (detail: string) => void) {
    this.#viewer = viewer;
    this.#canvas = canvas;
    this.#failed = failed;
  }

  /** Starts the viewer on a canvas and keeps it drawing. `failed` is called at most once. */
  static async start(
    module: WasmModule,
    canvas: HTMLCanvasElement,
    backend: Backend,
    failed: (detail: string) => void,
  ): Promise<ViewerHost> {
    const host = new ViewerHost(await module.start(canvas.id, backend), canvas, failed);
    host.#resize();
    new ResizeObserver(() => host.#resize()).observe(canvas);
    const next = () => requestAnimationFrame(step);
    let last = performance.now();
    const step = (timeMs: number) => {
      // Before anything has arrived one frame is enough, and makes the pipelines; the rest of the time is the module's.
      if (host.#frames > 0 && !host.#fed) return void setTimeout(next, EMPTY_PAUSE_MS);
      if (host.#leftOut > 0) {
        host.#leftOut -= 1;
        return void next();
      }
      host.#frame(timeMs);
      if (host.#broken) return;
      const pause = pauseMs(timeMs - last);
      last = timeMs;
      if (pause > 0) setTimeout(next, pause);
      else next();
    };
    next();
    return host;
  }

  #do<T>(act: (viewer: WasmViewer) => T): T | undefined {
    if (this.#broken) return undefined;
    try {
      return act(this.#viewer);
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) this.fail(error);
      else console.warn("the viewer refused:", error);
      return undefined;
    }
  }

  #frame(timeMs: number): void {
    try {
      this.#viewer.frame(timeMs);
      this.#frames += 1;
    } catch (error) {
      this.fail(error);
    }
  }

  /** Ends the viewer with a reason. */
  fail(error: unknown): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#failed(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  }

  #resize(): void {
    const [width, height, dpr] = sizeOf(this.#canvas);
    this.#do((viewer) => viewer.resize(width, height, dpr));
  }

  /** Calls a method that gives nothing back. */
  tell(act: (viewer: WasmViewer) => void): void {
    this.#do(act);
  }

  /** Leaves the next frames out, so that what the page has just put up is shown before a frame that may take seconds. */
  giveWay(): void {
    this.#leftOut = GIVEN_FRAMES;
  }

  /** A key went down or up; true when it means something to the viewer. */
  key(code: string, down: boolean): boolean {
    return this.#do((viewer) => viewer.key(code, down)) ?? false;
  }

  /** One Arrow IPC stream as it came. */
  push(bytes: Uint8Array): void {
    this.#fed = true;
    this.#do((viewer) => viewer.push(bytes, performance.now()));
  }

  /** Everything has been told, be it nothing: there is something to draw. */
  endSnapshot(): void {
    this.#fed = true;
    this.#do((viewer) => viewer.end_snapshot());
  }

  /** The id of the thing under a pixel, for showing or for choosing. */
  async thingAt(x: number, y: number, why: "hover" | "pick"): Promise<string | null> {
    if (this.#broken) return null;
    try {
      const id = why === "hover" ? await this.#viewer.hover_at(x, y) : await this.#viewer.pick_at(x, y);
      return id ?? null;
    } catch (error) {
      this.fail(error);
      return null;
    }
  }

  /** Frames asked for since the start. */
  get frames(): number {
    return this.#frames;
  }

  get layers(): ViewerLayer[] {
    return this.#json<ViewerLayer[]>((viewer) => viewer.layers()) ?? [];
  }

  get legends(): Legend[] {
    return this.#json<Legend[]>((viewer) => viewer.legend()) ?? [];
  }

  get stats(): ViewerStats | null {
    return this.#json<ViewerStats>((viewer) => viewer.stats());
  }

  /** Named things in the picture, nearest first. */
  labels(most: number): ViewerLabel[] {
    return this.#json<ViewerLabel[]>((viewer) => viewer.labels(most)) ?? [];
  }

  /** Longitude and latitude of the ground under a pixel. */
  groundAt(x: number, y: number): { lon: number; lat: number } | null {
    const [lon, lat] = this.#do((viewer) => viewer.ground_at(x, y)) ?? [];
    return lon === undefined || lat === undefined ? null : { lon, lat };
  }

  /** The picture as it is now, as a data address; a frame is drawn for it, because a canvas keeps none. */
  picture(): string {
    this.#frame(performance.now());
    return this.#canvas.toDataURL("image/jpeg", 0.92);
  }

  /** Where places on the ground are in the picture: x and y of each, NaN behind the eye. */
  onScreen(places: readonly (readonly [number, number])[]): Float32Array {
    const flat = Float64Array.from(places.flatMap(([lon, lat]) => [lon, lat, 0]));
    return this.#do((viewer) => viewer.on_screen(flat)) ?? new Float32Array(2 * places.length).fill(NaN);
  }

  /** Longitude, latitude, height, heading and pitch of the eye; nothing before the city has arrived. */
  get camera(): number[] | null {
    const pose = this.#json<CameraPose | null>((viewer) => viewer.camera());
    return pose && [pose.lon_deg, pose.lat_deg, pose.height_m, pose.heading_deg, pose.pitch_deg];
  }

  set camera(numbers: number[] | null) {
    const [lon, lat, height, heading, pitch] = numbers ?? [];
    if (lon === undefined || lat === undefined || height === undefined) return;
    this.#do((viewer) => viewer.set_camera(lon, lat, height, heading ?? 0, pitch ?? -35));
  }

  #json<T>(ask: (viewer: WasmViewer) => string): T | null {
    const text = this.#do(ask);
    return text === undefined ? null : (JSON.parse(text) as T);
  }
}

/** Frames farther apart than this mean a graphics device that cannot keep up. */
const SLOW_FRAME_MS = 120;
const LONGEST_PAUSE_MS = 500;
/** So many until a change of the page has been laid out, painted and handed to the GPU. */
const GIVEN_FRAMES = 3;
/** Between looks whether anything has arrived. */
const EMPTY_PAUSE_MS = 30;

/** How long to wait before the next frame: where frames are slow, half of the time is left to the panels. */
export function pauseMs(frameMs: number): number {
  return frameMs < SLOW_FRAME_MS ? 0 : Math.min(frameMs / 2, LONGEST_PAUSE_MS);
}

/** More pixels than this a side are not worth their time. */
const MAX_DPR = 2;

/** The canvas's size in CSS pixels and the device pixels to each; the viewer gives it the pixels it is drawn with. */
function sizeOf(canvas: HTMLCanvasElement): [width: number, height: number, dpr: number] {
  const dpr = Math.min(window.devicePixelRatio || 1, MAX_DPR);
  return [Math.max(1, canvas.clientWidth), Math.max(1, canvas.clientHeight), dpr];
}
