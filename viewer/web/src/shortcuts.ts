// Keys that work anywhere on the page, except while something is being typed or the help is open.
import { toggleLayers, toggleTheme } from "./actions";
import type { Session } from "./session";
import { helpOpen, layersOpen, narrow, selected } from "./state";

function typing(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

function escape(): void {
  if (selected.value) selected.value = null;
  else if (narrow.value) layersOpen.value = false;
}

/** Connects the keys. */
export function connectShortcuts(session: Session): void {
  const acts: Record<string, () => void> = {
    "/": session.focusSearch,
    "?": () => (helpOpen.value = true),
    h: session.home,
    l: toggleLayers,
    t: toggleTheme,
    escape,
  };
  window.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || helpOpen.value) return;
    const box = event.target instanceof HTMLInputElement && event.target.type === "checkbox";
    if (typing(event.target) && !box) return;
    const act = acts[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  });
}
