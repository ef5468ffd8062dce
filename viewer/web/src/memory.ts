// What the page remembers between visits: a few short words in the browser's local storage. Where storage is
// forbidden (private windows, blocked cookies) nothing is remembered and nothing fails.

type Word = "lang" | "theme" | "layers_open" | "legend_property" | "tab" | "time_open" | "question" | "name";

/** The word saved under a name, or null. */
export function recall(name: Word): string | null {
  try {
    return localStorage.getItem(`urbis.${name}`);
  } catch {
    return null;
  }
}

/** Saves a word under a name. */
export function remember(name: Word, value: string): void {
  try {
    localStorage.setItem(`urbis.${name}`, value);
  } catch {
    // Forgetting is all right.
  }
}
