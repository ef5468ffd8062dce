// Readings of the selected thing: one row per datastream with its latest value and a sparkline; the row that is open
// shows the whole chart of the last readings.
import { useEffect, useState } from "preact/hooks";

import { calledOff, getSeries } from "../api/client";
import type { Datastream, Reading } from "../api/types";
import { localClock, number, parseTimeUs, quantity, unitText } from "../format";
import { locale, named, t } from "../i18n";
import { past } from "../time/machine";
import { Chart, extent, Sparkline } from "./chart";
import { agoText } from "./words";

const POINTS = 500;

/** Readings of the open row: the long series once it is there, with the newest short one at its end. */
function useLongSeries(stream: Datastream | undefined): Reading[] {
  const [long, setLong] = useState<{ id: Datastream["id"]; rows: Reading[] } | null>(null);
  const id = stream?.id;
  const at = past.value;
  useEffect(() => {
    if (id === undefined) return undefined;
    const stop = new AbortController();
    getSeries(id, past.peek(), stop.signal, POINTS).then(
      (series) => setLong({ id, rows: series.rows }),
      (error: unknown) => {
        // The short series of the card is still there to be drawn.
        if (!calledOff(error)) setLong(null);
      },
    );
    return () => stop.abort();
  }, [id, at]);
  const base = long && long.id === id ? long.rows : [];
  return mergeReadings(base, stream?.series ?? []);
}

/** Two series in time order as one, without the instants that both have. */
export function mergeReadings(older: Reading[], newer: Reading[]): Reading[] {
  const byTime = new Map<number, number>();
  for (const [timeUs, value] of [...older, ...newer]) byTime.set(timeUs, value);
  return [...byTime].sort((a, b) => a[0] - b[0]);
}

function qualityNote(quality: string | number): string | null {
  if (quality === "suspect" || quality === 1) return t("card.readings.suspect");
  if (quality === "missing" || quality === 2) return t("card.readings.missing");
  return null;
}

function chartLabel(name: string, unit: string, rows: Reading[]): string {
  const range = extent(rows);
  const first = rows[0];
  const last = rows[rows.length - 1];
  if (!range || !first || !last) return t("card.readings.none");
  return t("card.readings.chart.alt", {
    name,
    n: rows.length,
    from: localClock(first[0]),
    to: localClock(last[0]),
    min: number(range[0], locale.value),
    max: number(range[1], locale.value),
    unit: unitText(unit),
  });
}

function streamName(stream: Datastream): string {
  return named("property", stream.property);
}

function Row({ stream, open, onOpen }: { stream: Datastream; open: boolean; onOpen: () => void }) {
  const { latest } = stream;
  const timeUs = parseTimeUs(latest?.time);
  const doubt = latest ? qualityNote(latest.quality) : null;
  return (
    <button
      type="button"
      class="reading"
      aria-expanded={open}
      aria-controls="reading-chart"
      title={t("card.readings.chart", { name: streamName(stream) })}
      onClick={onOpen}
    >
      <span class="reading-name">
        {streamName(stream)}
        <small>
          {timeUs === null ? "" : agoText(timeUs)}
          {doubt && <em>{doubt}</em>}
        </small>
      </span>
      <Sparkline series={stream.series} />
      <strong class="reading-value">
        {latest ? quantity(latest.value, stream.unit, locale.value) : t("card.readings.none")}
      </strong>
    </button>
  );
}

/** All rows and the chart of the open one. */
export function Readings({ datastreams }: { datastreams: Datastream[] }) {
  const [openId, setOpenId] = useState<Datastream["id"] | null>(null);
  const open = datastreams.find((stream) => stream.id === openId) ?? datastreams[0];
  const rows = useLongSeries(open);
  return (
    <section>
      <h3>{t("card.readings")}</h3>
      <div class="readings">
        {datastreams.map((stream) => (
          <Row key={stream.id} stream={stream} open={stream === open} onOpen={() => setOpenId(stream.id)} />
        ))}
      </div>
      {open && (
        <div id="reading-chart">
          {rows.length > 1 ? (
            <Chart rows={rows} unit={open.unit} label={chartLabel(streamName(open), open.unit, rows)} />
          ) : (
            <p class="chart chart-empty quiet">{t("card.readings.chart.few")}</p>
          )}
        </div>
      )}
    </section>
  );
}
