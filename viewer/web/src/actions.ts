// What a person can make the page do without the viewer: open, close and switch. Each action changes signals and
// remembers the choice.
import { recall, remember } from "./memory";
import { card, layersOpen, narrow, selected, theme } from "./state";
import { tab, tabNamed, timeOpen } from "./workbench";

/** Day to night and back. */
export function toggleTheme(): void {
  theme.value = theme.value === "day" ? "night" : "day";
  remember("theme", theme.value);
}

/** Opens or closes the layer panel. On a phone it takes the place of the card. */
export function toggleLayers(): void {
  if (narrow.value && card.value) {
    selected.value = null;
    layersOpen.value = true;
    return;
  }
  layersOpen.value = !layersOpen.value;
  if (!narrow.value) remember("layers_open", layersOpen.value ? "yes" : "no");
}

/** Opens the workbench where it was last, or closes it. On a phone it takes the place of the other panels. */
export function toggleDock(): void {
  if (tab.value !== null) {
    tab.value = null;
    return;
  }
  if (narrow.value) {
    selected.value = null;
    layersOpen.value = false;
  }
  tab.value = tabNamed(recall("tab")) ?? "overview";
}

/** Opens or closes the bar of time. */
export function toggleTime(): void {
  timeOpen.value = !timeOpen.value;
  remember("time_open", timeOpen.value ? "yes" : "no");
}
