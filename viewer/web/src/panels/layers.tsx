// The panel of layer switches with their counts, and under it the legend of the sensor colours.
import { useEffect, useRef } from "preact/hooks";

import { locale, named, t } from "../i18n";
import { number, shortCount, unitText } from "../format";
import { card, layers, layersOpen, legendProperty, legends, narrow } from "../state";
import { toggleLayers } from "../actions";
import type { Legend } from "../viewer/contract";
import { Icon } from "./icon";

/** The legend that is shown: the chosen property's, or else the first. */
export function chosenLegend(all: Legend[], property: string | null): Legend | null {
  return all.find((legend) => legend.property === property) ?? all[0] ?? null;
}

/** The ramp as a CSS gradient, its stops placed by value. */
export function rampCss(legend: Legend): string {
  const span = legend.max - legend.min || 1;
  const stops = legend.stops.map(
    ([value, colour]) => `${colour} ${(((value - legend.min) / span) * 100).toFixed(1)}%`,
  );
  return `linear-gradient(90deg, ${stops.join(", ")})`;
}

function Ramp({ legend }: { legend: Legend }) {
  const bar = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (bar.current) bar.current.style.background = rampCss(legend);
  }, [legend]);
  const middle = (legend.min + legend.max) / 2;
  const unit = unitText(legend.unit);
  return (
    <div class="ramp">
      <div
        class="ramp-bar"
        ref={bar}
        role="img"
        aria-label={`${named("property", legend.property)}: ${number(legend.min, locale.value)} – ${number(legend.max, locale.value)} ${unit}`}
      />
      <div class="ramp-scale" aria-hidden="true">
        <span>{number(legend.min, locale.value)}</span>
        <span>{number(middle, locale.value)}</span>
        <span>
          {number(legend.max, locale.value)}
          {unit && <em>{unit}</em>}
        </span>
      </div>
    </div>
  );
}

function LegendBox({ onProperty }: { onProperty: (property: string) => void }) {
  const all = legends.value;
  const legend = chosenLegend(all, legendProperty.value);
  if (!legend) return null;
  return (
    <section class="legend" aria-labelledby="legend-title">
      <h3 id="legend-title">{t("legend.title")}</h3>
      {all.length > 1 ? (
        <select
          aria-label={t("legend.property")}
          value={legend.property}
          onChange={(event) => onProperty(event.currentTarget.value)}
        >
          {all.map((one) => (
            <option key={one.property} value={one.property}>
              {named("property", one.property)}
            </option>
          ))}
        </select>
      ) : (
        <p class="legend-name">{named("property", legend.property)}</p>
      )}
      <Ramp legend={legend} />
    </section>
  );
}

/** The panel. `onLayer` switches a layer, `onProperty` chooses what colours the sensors. */
export function LayerPanel(props: {
  onLayer: (name: string, on: boolean) => void;
  onProperty: (property: string) => void;
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
