// The panel of layer switches with their counts, and under it the legend of the sensor colours.
import { shortCount } from "../format";
import { locale, named, t } from "../i18n";
import { card, layers, layersOpen, narrow } from "../state";
import { toggleLayers } from "../actions";
import { Icon } from "./icon";
import { LegendBox } from "./legend";

/** The panel. `onLayer` switches a layer, `onProperty` chooses what colours the sensors. */
export function LayerPanel(props: {
  onLayer: (name: string, on: boolean) => void;
  onProperty: (property: string | null) => void;
}) {
  const hidden = !layersOpen.value || (narrow.value && card.value !== null);
  return (
    <aside id="layers" class="panel layers glass" aria-labelledby="layers-title" hidden={hidden}>
      <header class="panel-head">
        <h2 id="layers-title">{t("layers.title")}</h2>
        <button
          type="button"
          class="icon-button small"
          title={t("layers.hide")}
          aria-label={t("layers.hide")}
          onClick={toggleLayers}
        >
          <Icon name={narrow.value ? "close" : "panel"} size={17} />
        </button>
      </header>
      <div class="panel-body">
        {layers.value.length === 0 && <p class="quiet">{t("layers.empty")}</p>}
        <ul class="switches">
          {layers.value.map((layer) => (
            <li key={layer.name}>
              <label class="switch">
                <input
                  type="checkbox"
                  role="switch"
                  data-layer={layer.name}
                  checked={layer.on}
                  onChange={(event) => props.onLayer(layer.name, event.currentTarget.checked)}
                />
                <span class="switch-track" aria-hidden="true" />
                <span class="switch-name">{named("layer", layer.name)}</span>
                {layer.count > 0 && <span class="switch-count">{shortCount(layer.count, locale.value)}</span>}
              </label>
            </li>
          ))}
        </ul>
        <LegendBox onProperty={props.onProperty} />
      </div>
    </aside>
  );
}
