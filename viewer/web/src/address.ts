// The page's address and the view it holds. Reads it once at the start; writes it once somebody has moved, chosen or
// switched something and the camera has come to rest, so that a fresh page keeps a clean address.
import { emptyView, readHash, writeHash, type View } from "./hash";
import { resting, selected } from "./state";
import { past } from "./time/machine";
import type { ViewerHost } from "./viewer/host";
import { readSketch, sketch, sketchText } from "./viewer/sketch";
import { question, tab, tabNamed } from "./workbench";

/** Keeps address and view together. */
export class Address {
  readonly #off: Set<string>;
  #wantedCamera: number[] | null;
  #touched = false;
  #seen = "";
  #framesSeen = 0;

  constructor() {
    const view = readHash(location.hash);
    this.#off = new Set(view.off);
    this.#wantedCamera = view.camera;
    selected.value = view.selected;
    this.openWorkbench(view);
  }

  /** Opens what a link says: the tab, its question and what is drawn. */
  openWorkbench(view: View): void {
    sketch.value = readSketch(view.area);
    if (view.sql) question.value = view.sql;
    tab.value = tabNamed(view.tab);
  }

  /** The instant that the address holds, UTC milliseconds; null: the present. */
  get wantedInstant(): number | null {
    const at = Date.parse(this.view.time ?? "");
    return Number.isNaN(at) ? null : at;
  }

  /** The view that the address holds now. */
  get view(): View {
    return readHash(location.hash);
  }

  /** Layers that are off. */
  get off(): string[] {
    return [...this.#off].sort();
  }

  /** The camera that the link asked for; answered once. */
  takeCamera(): number[] | null {
    const camera = this.#wantedCamera;
    this.#wantedCamera = null;
    return camera;
  }

  /** Somebody has changed something: from now on the address follows. */
  touch(): void {
    this.#touched = true;
  }

  /** Remembers a layer's switch. */
  setLayer(name: string, on: boolean): void {
    this.#touched = true;
    if (on) this.#off.delete(name);
    else this.#off.add(name);
  }

  /** Finds out whether the camera stands where it stood two frames ago; before those are drawn nobody knows. */
  follow(host: ViewerHost): void {
    if (host.frames < this.#framesSeen + 2) return;
    this.#framesSeen = host.frames;
    const camera = writeHash({ ...emptyView, camera: host.camera });
    resting.value = camera === this.#seen;
    this.#seen = camera;
  }

  /** The camera begins to move: what it showed so far is no sign of rest. */
  stir(host: ViewerHost | null): void {
    resting.value = false;
    this.#seen = "";
    this.#framesSeen = host?.frames ?? 0;
  }

  /** Writes the address without a step in the browser's history. */
  write(host: ViewerHost | null): void {
    if (!this.#touched || !host) return;
    const at = past.peek();
    const hash = writeHash({
      camera: host.camera,
      selected: selected.peek(),
      off: this.off,
      // The playing clock writes whole seconds: an address is for people.
      time: at === null ? null : `${new Date(at).toISOString().slice(0, 19)}Z`,
      area: sketchText(sketch.peek()),
      tab: tab.peek(),
      sql: tab.peek() === "sql" ? question.peek() : null,
    });
    if (hash !== location.hash) history.replaceState(null, "", hash || location.pathname + location.search);
  }
}
