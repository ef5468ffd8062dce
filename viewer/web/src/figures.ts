// Twice a second, the viewer's figures become the status bar's: counts, rates, layers, legends.
import { Rate } from "./live/rate";
import * as state from "./state";
import type { ViewerHost } from "./viewer/host";

/** Remembers what the counters said last time. */
export class Figures {
  readonly #updates = new Rate();
  readonly #frames = new Rate();
  #statesSeen = 0;
  #framesSeen = 0;

  /** Reads once. */
  read(host: ViewerHost, nowMs: number): void {
    const stats = host.stats;
    if (!stats) return;
    this.#updates.add(Math.max(0, stats.states - this.#statesSeen), nowMs);
    this.#frames.add(Math.max(0, stats.frames - this.#framesSeen), nowMs);
    this.#statesSeen = stats.states;
    this.#framesSeen = stats.frames;
    state.entities.value = stats.entities;
    state.updatesPerSecond.value = this.#updates.perSecond(nowMs);
    state.framesPerSecond.value = this.#frames.perSecond(nowMs);
    state.lastDataUs.value = stats.last_time_us;
    if (stats.frames > 0) state.drawing.value = true;
    setIfChanged(state.layers, host.layers);
    setIfChanged(state.legends, host.legends);
  }
}

function setIfChanged<T>(signal: { value: T; peek(): T }, next: T): void {
  if (JSON.stringify(signal.peek()) !== JSON.stringify(next)) signal.value = next;
}
