// Events a second over the last few seconds. Comes in: counts with their time; goes out: a rate. Holds one number for
// each second of the window.

/** A sliding window of whole seconds. */
export class Rate {
  readonly #seconds: number[];
  readonly #counts: number[];

  constructor(windowS = 3) {
    this.#seconds = new Array<number>(windowS).fill(-1);
    this.#counts = new Array<number>(windowS).fill(0);
  }

  /** Counts `n` events at a time in milliseconds. */
  add(n: number, nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    const slot = second % this.#seconds.length;
    if (this.#seconds[slot] !== second) {
      this.#seconds[slot] = second;
      this.#counts[slot] = 0;
    }
    this.#counts[slot] = (this.#counts[slot] ?? 0) + n;
  }

  /** Events a second over the whole seconds of the window that are over. */
  perSecond(nowMs: number): number {
    const now = Math.floor(nowMs / 1000);
    let sum = 0;
    this.#seconds.forEach((second, slot) => {
      if (second >= now - (this.#seconds.length - 1) && second < now) sum += this.#counts[slot] ?? 0;
    });
    return sum / (this.#seconds.length - 1);
  }
}
