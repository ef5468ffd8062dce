// What sensors measure, one row a property: the mean, the range and how many there are. Comes in: rows with `property`,
// `unit`, `mean`, `low`, `high` and `n`.
import type { Row } from "../api/types";
import { number, quantity, unitText } from "../format";
import { locale, named, t } from "../i18n";

/** The columns that a question asks for, to be grouped by property and unit. */
export const MEASURED_COLUMNS =
  "property, unit, count(*) AS n, avg(value) AS mean, min(value) AS low, max(value) AS high";

/** The table. */
export function Measured({ rows }: { rows: Row[] }) {
  const tag = locale.value;
  return (
    <table class="plain">
      <thead>
        <tr>
          <th scope="col">{t("measured.property")}</th>
          <th scope="col">{t("measured.mean")}</th>
          <th scope="col">{t("measured.range")}</th>
          <th scope="col">{t("measured.sensors")}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => {
          const unit = String(row["unit"] ?? "1");
          const [low, high] = [Number(row["low"]), Number(row["high"])].map((value) => number(value, tag));
          return (
            <tr key={`${row["property"]} ${unit}`}>
              <td>{named("property", String(row["property"]))}</td>
              <td class="cell-number">{quantity(Number(row["mean"]), unit, tag)}</td>
              <td class="cell-number">
                {low} – {high} {unitText(unit)}
              </td>
              <td class="cell-number">{number(Number(row["n"]), tag)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
