// Keys that work anywhere on the page, except while something is being typed or the help is open.
import { toggleDock, toggleLayers, toggleTheme, toggleTime } from "./actions";
import { drawingKey } from "./panels/area";
import type { Session } from "./session";
import { helpOpen, layersOpen, narrow, selected } from "./state";
import { tab } from "./workbench";

function typing(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

function escape(): void {
  if (selected.value) selected.value = null;
  else if (tab.value) tab.value = null;
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
    m: toggleTime,
    b: toggleDock,
    escape,
  };
  window.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || helpOpen.value) return;
    const box = event.target instanceof HTMLInputElement && event.target.type === "checkbox";
    if (typing(event.target) && !box) return;
    if (drawingKey(event.key)) return event.preventDefault();
    const act = acts[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  });
}
