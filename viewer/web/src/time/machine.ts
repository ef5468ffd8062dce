// Which moment is shown: the present, or an instant that a slider, a date or the playing clock says. Comes in: what people
// choose; goes out: an instant to be asked for, one at a time, the newest wish once the last has been shown.
import { computed, signal } from "@preact/signals";

/** The instant that is shown, UTC milliseconds; null: now, live. */
export const past = signal<number | null>(null);
/** How far back the slider reaches, milliseconds. */
export const reachMs = signal(3_600_000);
/** City seconds a second while playing; 0: it stands. */
export const speed = signal(0);
/** True while an instant has been asked for and not yet shown. */
export const asking = signal(false);
/** Why the instant could not be shown. */
export const refusal = signal<string | null>(null);

export const isPast = computed(() => past.value !== null);

/** Speeds that are offered. */
export const SPEEDS = [1, 10, 60, 600, 3600] as const;
/** Reaches that are offered: an hour, six, a day, a week, a month, a year. */
export const REACHES = [1, 6, 24, 168, 720, 8760].map((hours) => hours * 3_600_000);

/** Before this year 1 the server, whose instants have four digits, has none. */
const EARLIEST_MS = Date.parse("0001-01-01T00:00:00Z");
/** How often a new instant is wished while playing. */
const STEP_MS = 400;

/** Asks for instants and plays. */
export class TimeMachine {
  readonly #ask: (atMs: number | null) => void;
  #wanted: number | null | undefined;
  #playedAtMs = 0;

  constructor(ask: (atMs: number | null) => void) {
    this.#ask = ask;
    setInterval(() => this.#step(Date.now()), STEP_MS);
  }

  /** Shows an instant, or the present. An instant to come is the present. */
  show(atMs: number | null): void {
    const at = atMs !== null && atMs > EARLIEST_MS && atMs < Date.now() - 1000 ? atMs : null;
    if (at === null) speed.value = 0;
    past.value = at;
    refusal.value = null;
    if (asking.peek() && at !== null) this.#wanted = at;
    else this.#send(at);
  }

  /** Begins or ends playing. From the present it begins at the slider's left end. */
  play(factor: number): void {
    this.#playedAtMs = Date.now();
    speed.value = factor;
    if (factor > 0 && past.peek() === null) this.show(Date.now() - reachMs.peek());
  }

  /** The instant that was asked for is on screen. */
  shown(): void {
    asking.value = false;
    const next = this.#wanted;
    this.#wanted = undefined;
    if (next !== undefined) this.#send(next);
  }

  /** It cannot be shown. */
  refused(reason: string): void {
    refusal.value = reason;
    speed.value = 0;
    this.shown();
  }

  #send(at: number | null): void {
    this.#wanted = undefined;
    asking.value = at !== null;
    this.#ask(at);
  }

  #step(nowMs: number): void {
    const [at, factor] = [past.peek(), speed.peek()];
    if (at === null || factor === 0) return;
    if (asking.peek()) {
      // A slow answer holds the clock: no moment is left out unseen.
      this.#playedAtMs = nowMs;
      return;
    }
    const next = at + (nowMs - this.#playedAtMs) * factor;
    this.#playedAtMs = nowMs;
    this.show(next);
  }
}
