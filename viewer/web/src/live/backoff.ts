// How long to wait before the next try to connect: doubling from half a second to ten, each a random part shorter, so
// that a thousand pages do not come back in the same instant.

const FIRST_MS = 500;
const LONGEST_MS = 10_000;

/** Milliseconds to wait before try number `attempt` (0 is the first). `chance` is in [0, 1). */
export function retryDelayMs(attempt: number, chance: number): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
  return Math.max(FIRST_MS, Math.round(full * (1 - 0.4 * chance)));
}
