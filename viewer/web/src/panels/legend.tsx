// The legend of the sensor colours: which property colours the sensors, and the ramp of each that does, with its unit.
import { useEffect, useRef } from "preact/hooks";

import { number, unitText } from "../format";
import { locale, named, t } from "../i18n";
import { legends } from "../state";
import type { Legend } from "../viewer/contract";

/** More ramps than this under each other say nothing. */
const MOST_RAMPS = 6;

/** The legends of the properties that colour sensors now. */
export function shownLegends(all: Legend[]): Legend[] {
  return all.filter((legend) => legend.shown && legend.count > 0).slice(0, MOST_RAMPS);
}

/** The ramp as a CSS gradient, its stops placed by value. */
export function rampCss(legend: Legend): string {
  const span = legend.max - legend.min || 1;
  const stops = legend.stops.map(
    ([value, colour]) => `${colour} ${(((value - legend.min) / span) * 100).toFixed(1)}%`,
  );
  return `linear-gradient(90deg, ${stops.join(", ")})`;
}

/** Decimals that tell the ends of a ramp apart and no more. */
function decimals(legend: Legend): number {
  const span = Math.abs(legend.max - legend.min);
  return span >= 20 ? 0 : span >= 2 ? 1 : 2;
}

/** One ramp; `brief`: its ends in the line of its name, for many under each other. */
function Ramp({ legend, brief }: { legend: Legend; brief: boolean }) {
  const bar = useRef<HTMLDivElement>(null);
  const css = rampCss(legend);
  useEffect(() => {
    if (bar.current) bar.current.style.background = css;
  }, [css]);
  const unit = unitText(legend.unit);
  const name = named("property", legend.property);
  const text = (value: number) => number(value, locale.value, decimals(legend));
  const [low, high] = [text(legend.min), text(legend.max)];
  return (
    <div class="ramp">
      <p class="ramp-name">
        {name}
        <span>{brief ? `${low} – ${high} ${unit}` : unit}</span>
      </p>
      <div class="ramp-bar" ref={bar} role="img" aria-label={`${name}: ${low} – ${high} ${unit}`} />
      {!brief && (
        <p class="ramp-scale" aria-hidden="true">
          <span>{low}</span>
          <span>{text((legend.min + legend.max) / 2)}</span>
          <span>{high}</span>
        </p>
      )}
    </div>
  );
}

/** The legend; nothing before the first reading. */
export function LegendBox({ onProperty }: { onProperty: (property: string | null) => void }) {
  const all = legends.value;
  if (all.length === 0) return null;
  const shown = shownLegends(all);
  const only = all.filter((legend) => legend.shown).length === 1 ? shown[0] : undefined;
  return (
    <section class="legend" aria-labelledby="legend-title">
      <h3 id="legend-title">{t("legend.title")}</h3>
      {all.length > 1 && (
        <select
          aria-label={t("legend.property")}
          value={only?.property ?? ""}
          onChange={(event) => onProperty(event.currentTarget.value || null)}
        >
          <option value="">{t("legend.all")}</option>
          {all.map((one) => (
            <option key={one.property} value={one.property}>
              {named("property", one.property)} ({one.count})
            </option>
          ))}
        </select>
      )}
      {shown.map((legend) => (
        <Ramp key={legend.property} legend={legend} brief={shown.length > 1} />
      ))}
    </section>
  );
}
