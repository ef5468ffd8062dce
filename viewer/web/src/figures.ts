// Twice a second, the viewer's figures become the status bar's: counts, rates, layers, legends.
import { Rate } from "./live/rate";
import * as state from "./state";
import type { ViewerHost } from "./viewer/host";

/** Remembers what the counters said last time. */
export class Figures {
  readonly #updates = new Rate();
  #updatesSeen = 0;

  /** Reads once. */
  read(host: ViewerHost, nowMs: number): void {
    const stats = host.stats;
    if (!stats) return;
    this.#updates.add(Math.max(0, stats.updates - this.#updatesSeen), nowMs);
    this.#updatesSeen = stats.updates;
    state.entities.value = stats.entities;
    state.updatesPerSecond.value = this.#updates.perSecond(nowMs);
    state.framesPerSecond.value = stats.fps;
    state.lastDataUs.value = stats.last_time_us;
    state.backend.value = stats.backend;
    if (host.frames > 0) state.drawing.value = true;
    if (!state.built.value && state.arrived.value && stats.seen) {
      performance.mark("urbis:first-picture");
      state.built.value = true;
    }
    setIfChanged(state.layers, [...host.layers, { name: "labels", on: state.labelsOn.value, count: 0 }]);
    setIfChanged(state.legends, host.legends);
  }
}

function setIfChanged<T>(signal: { value: T; peek(): T }, next: T): void {
  if (JSON.stringify(signal.peek()) !== JSON.stringify(next)) signal.value = next;
}
