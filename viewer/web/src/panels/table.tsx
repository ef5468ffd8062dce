// An answer as a table: the columns as they came, numbers to the right, instants in the reader's time. A row with an id can
// be opened; it is a button for those who use keys.
import type { Cell, Row } from "../api/types";
import { localDateTime, parseTimeUs, plain } from "../format";
import { locale, t } from "../i18n";

/** More rows than this are not put into the page. */
const MOST_ROWS = 500;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;
/** Columns that may hold the id of a thing. */
const ID_COLUMNS = ["id", "entity", "thing"];

/** The names of an answer's columns; rows leave out nothing but nulls at their end. */
export function columnsOf(rows: Row[]): string[] {
  const names = new Set<string>();
  for (const row of rows) for (const name of Object.keys(row)) names.add(name);
  return [...names];
}

/** A value as text. */
export function cellText(value: Cell | undefined, tag: string): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return plain(value);
  if (typeof value === "object") return JSON.stringify(value);
  if (typeof value === "string" && INSTANT.test(value)) {
    const timeUs = parseTimeUs(value);
    return timeUs === null ? value : localDateTime(timeUs, tag);
  }
  return String(value);
}

/** The id of the thing that a row is of. */
export function rowId(row: Row): string | null {
  for (const name of ID_COLUMNS) {
    const value = row[name];
    if (typeof value === "string" && /^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(value)) return value;
  }
  return null;
}

function TableRow(props: {
  row: Row;
  columns: string[];
  open: (id: string) => void;
  title: (row: Row) => string;
}) {
  const id = rowId(props.row);
  return (
    <tr data-id={id ?? undefined} onClick={id ? () => props.open(id) : undefined}>
      {props.columns.map((name, index) => {
        const value = props.row[name];
        const text = cellText(value, locale.value);
        const opens = id !== null && index === 0;
        return (
          <td
            key={name}
            class={typeof value === "number" ? "cell-number" : undefined}
            title={text.length > 40 ? text : undefined}
          >
            {opens ? (
              <button type="button" class="cell-button" aria-label={props.title(props.row)}>
                {text}
              </button>
            ) : (
              text
            )}
          </td>
        );
      })}
    </tr>
  );
}

/** The table; `open` shows the thing of a row. */
export function Table({ rows, open, label }: { rows: Row[]; open: (id: string) => void; label: string }) {
  const columns = columnsOf(rows);
  const title = (row: Row) =>
    t("table.open", { what: cellText(row["name"] ?? row[columns[0] ?? ""], locale.value) });
  const shown = rows.slice(0, MOST_ROWS);
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label={label}>
      <table>
        <thead>
          <tr>
            {columns.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((row, index) => (
            <TableRow key={index} row={row} columns={columns} open={open} title={title} />
          ))}
        </tbody>
      </table>
      {rows.length > shown.length && (
        <p class="quiet">{t("table.more", { n: shown.length, of: rows.length })}</p>
      )}
    </div>
  );
}
