// Frames that come before the viewer is there. Holds so many bytes and no more; past that it lets all of them go and
// says so, and the line is made anew for a fresh snapshot.

const MOST_BYTES = 128 * 1024 * 1024;

/** A bounded queue of frames. */
export class Hold {
  #frames: Uint8Array[] = [];
  #bytes = 0;
  #lost = false;

  readonly #most: number;

  constructor(most = MOST_BYTES) {
    this.#most = most;
  }

  /** Keeps a frame for later. */
  keep(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    if (this.#bytes > this.#most) {
      this.#lost = true;
      this.#frames = [];
      return;
    }
    this.#frames.push(bytes);
  }

  /** Gives the frames in their order and forgets them; true when some were let go. */
  release(take: (bytes: Uint8Array) => void): boolean {
    const [frames, lost] = [this.#frames, this.#lost];
    this.#frames = [];
    this.#bytes = 0;
    this.#lost = false;
    frames.forEach(take);
    return lost;
  }
}
