// The server's clock seen from here. Comes in: pairs of (sent, received, what the server said in between); goes out:
// how far the server is ahead. Without it, a delay between two machines would mostly show how wrong their clocks are.

/** Keeps the estimate with the shortest round trip, because that one can be wrong by the least. */
export class ServerClock {
  #aheadMs = 0;
  #roundTripMs = Number.POSITIVE_INFINITY;

  /** One exchange: the local times of sending and receiving, and the server's time, all in milliseconds. */
  add(sentMs: number, receivedMs: number, serverMs: number): void {
    const roundTrip = receivedMs - sentMs;
    if (roundTrip < 0 || roundTrip > this.#roundTripMs) return;
    this.#roundTripMs = roundTrip;
    this.#aheadMs = serverMs - (sentMs + receivedMs) / 2;
  }

  /** True once there is an estimate. */
  get known(): boolean {
    return Number.isFinite(this.#roundTripMs);
  }

  /** Milliseconds from a server instant to a local instant; never below zero. */
  since(serverMs: number, localMs: number): number {
    return Math.max(0, localMs + this.#aheadMs - serverMs);
  }
}
