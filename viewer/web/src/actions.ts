// What a person can make the page do without the viewer: open, close and switch. Each action changes signals and
// remembers the choice.
import { remember } from "./memory";
import { card, layersOpen, narrow, selected, theme } from "./state";

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
