// Bars for people who would rather look than read: one row a name, as long as its number. The number stands beside it.
import { number } from "../format";
import { locale } from "../i18n";

/** One bar. */
export interface Bar {
  name: string;
  value: number;
  /** What stands behind the number, such as a unit. */
  note?: string;
}

/** The bars, longest first as they come. */
export function Bars({ bars, label }: { bars: Bar[]; label: string }) {
  const most = Math.max(...bars.map((bar) => Math.abs(bar.value)), Number.MIN_VALUE);
  return (
    <ul class="bars" aria-label={label}>
      {bars.map((bar) => (
        <li key={bar.name}>
          <span class="bar-name">{bar.name}</span>
          <span class="bar-track" aria-hidden="true">
            <span style={{ width: `${(100 * Math.abs(bar.value)) / most}%` }} />
          </span>
          <span class="bar-value">
            {number(bar.value, locale.value)}
            {bar.note && <small> {bar.note}</small>}
          </span>
        </li>
      ))}
    </ul>
  );
}
