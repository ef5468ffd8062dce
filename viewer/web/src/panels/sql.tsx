// The SQL tab: a question, its examples, and the answer as a table, as bars or a line where its columns say so, and on the
// map where it holds places. Control+Enter asks.
import { useState } from "preact/hooks";

import type { Reading, Row } from "../api/types";
import { number, parseTimeUs } from "../format";
import { locale, t, type Key } from "../i18n";
import { remember } from "../memory";
import { dots, question, type Dot } from "../workbench";
import { useSql, type Asked } from "./answer";
import { Bars } from "./bars";
import { Chart } from "./chart";
import { Download } from "./download";
import { Icon } from "./icon";
import { columnsOf, Table } from "./table";

const MOST_ROWS = 5_000;
const MOST_BARS = 24;

const EXAMPLES: [Key, string][] = [
  ["sql.example.kinds", "SELECT kind, count(*) AS n FROM entities GROUP BY kind ORDER BY n DESC"],
  [
    "sql.example.tall",
    "SELECT name, class, top_m - height_m AS above_m, lon, lat, id FROM entities\n" +
      "WHERE kind = 'building' AND name IS NOT NULL ORDER BY above_m DESC NULLS LAST LIMIT 20",
  ],
  [
    "sql.example.latest",
    "SELECT entity_name, property, value, unit, phenomenon_time, lon, lat, entity FROM latest_observations\n" +
      "WHERE property = 'pm25' ORDER BY value DESC LIMIT 50",
  ],
  [
    "sql.example.series",
    "SELECT date_bin(INTERVAL '1 minute', phenomenon_time) AS time, avg(value) AS mean FROM observations\n" +
      "WHERE phenomenon_time > now() - INTERVAL '1 hour' GROUP BY time ORDER BY time",
  ],
  [
    "sql.example.near",
    "SELECT name, kind, ST_DistanceSpheroid(ST_Point(lon, lat), ST_Point(116.3126, 39.9830)) AS metres, lon, lat, id\n" +
      "FROM entities WHERE kind = 'sensor' ORDER BY ST_Distance(ST_Point(lon, lat), ST_Point(116.3126, 39.9830)) LIMIT 10",
  ],
  ["sql.example.tables", "SHOW TABLES"],
];

/** Places in an answer: rows with `lon` and `lat`. */
export function placesOf(rows: Row[]): Dot[] {
  const found: Dot[] = [];
  for (const row of rows) {
    const { lon, lat } = row;
    if (typeof lon === "number" && typeof lat === "number") found.push({ lon, lat });
  }
  return found;
}

/** A series in an answer: its first column holds instants, and another one numbers. */
export function seriesOf(rows: Row[]): { rows: Reading[]; name: string } | null {
  const [first, ...others] = columnsOf(rows);
  const name = others.find((column) => rows.some((row) => typeof row[column] === "number"));
  if (!first || !name || rows.length < 2) return null;
  const series: Reading[] = [];
  for (const row of rows) {
    const [at, value] = [row[first], row[name]];
    const timeUs = typeof at === "string" && at.includes("T") ? parseTimeUs(at) : null;
    if (timeUs === null) return null;
    if (typeof value === "number") series.push([timeUs, value]);
  }
  series.sort((a, b) => a[0] - b[0]);
  return series.length > 1 ? { rows: series, name } : null;
}

/** Bars in an answer: few rows of a name and a number, and nothing that is a place. */
export function barsOf(rows: Row[]): { name: string; value: number }[] | null {
  const columns = columnsOf(rows);
  const named = columns.find((column) => rows.every((row) => typeof row[column] === "string"));
  const counted = columns.find((column) => rows.every((row) => typeof row[column] === "number"));
  if (!named || !counted || columns.length > 3 || columns.includes("lon")) return null;
  if (rows.length === 0 || rows.length > MOST_BARS) return null;
  return rows.map((row) => ({ name: String(row[named]), value: Number(row[counted]) }));
}

function Picture({ rows }: { rows: Row[] }) {
  const series = seriesOf(rows);
  if (series)
    return (
      <Chart
        rows={series.rows}
        unit="1"
        label={t("sql.chart", { name: series.name, n: series.rows.length })}
      />
    );
  const bars = barsOf(rows);
  return bars && <Bars bars={bars} label={t("sql.bars")} />;
}

function AnswerView({ asked, sql, open }: { asked: Asked; sql: string; open: (id: string) => void }) {
  if (asked.state === "idle") return null;
  if (asked.state === "failed") {
    return (
      <pre class="failed" role="alert">
        {asked.reason}
      </pre>
    );
  }
  const rows = asked.rows;
  if (!rows) return <p class="quiet">{t("ask.busy")}</p>;
  const places = placesOf(rows);
  const shown = dots.value.length > 0;
  return (
    <div class="answer" aria-busy={asked.state === "busy"}>
      <div class="dock-tools">
        <span class="quiet" role="status">
          {asked.state === "rows"
            ? t("sql.done", { n: number(rows.length, locale.value), ms: number(asked.ms, locale.value, 0) })
            : t("ask.busy")}
          {asked.state === "rows" && asked.truncated && ` · ${asked.truncated}`}
        </span>
        {places.length > 0 && (
          <button
            type="button"
            class="button small"
            aria-pressed={shown}
            onClick={() => (dots.value = shown ? [] : places)}
          >
            <Icon name="pin" size={15} />
            {t(shown ? "sql.map.off" : "sql.map.on")}
          </button>
        )}
        {rows.length > 0 && <Download sql={sql} name="answer" />}
      </div>
      <Picture rows={rows} />
      {rows.length > 0 && <Table rows={rows} open={open} label={t("sql.answer")} />}
    </div>
  );
}

/** The tab. */
export function SqlTab({ open }: { open: (id: string) => void }) {
  const [asking, setAsking] = useState<{ sql: string; n: number } | null>(
    question.peek() === "" ? null : { sql: question.peek(), n: 0 },
  );
  const asked = useSql(asking?.sql ?? null, MOST_ROWS, asking?.n);
  const run = (sql: string) => {
    const text = sql.trim();
    if (text === "") return;
    remember("question", text);
    dots.value = [];
    setAsking((before) => ({ sql: text, n: (before?.n ?? 0) + 1 }));
  };
  const example = (sql: string) => {
    question.value = sql;
    run(sql);
  };
  return (
    <div class="sql">
      <div class="sql-question">
        <textarea
          class="sql-text"
          rows={5}
          spellcheck={false}
          aria-label={t("sql.label")}
          placeholder={t("sql.placeholder")}
          value={question.value}
          onInput={(event) => (question.value = event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
            event.preventDefault();
            run(question.value);
          }}
        />
        <div class="buttons">
          <button type="button" class="button small primary" onClick={() => run(question.value)}>
            <Icon name="play" size={15} />
            {t("sql.run")}
          </button>
          <kbd>Ctrl ↵</kbd>
        </div>
        <h3>{t("sql.examples")}</h3>
        <ul class="examples">
          {EXAMPLES.map(([name, sql]) => (
            <li key={name}>
              <button type="button" class="text-button" title={sql} onClick={() => example(sql)}>
                {t(name)}
              </button>
            </li>
          ))}
        </ul>
      </div>
      <AnswerView asked={asked} sql={asking?.sql ?? ""} open={open} />
    </div>
  );
}
