// The city at a glance: how much there is, how fast it comes, which sensors are well, what they measure. Asked anew while it
// is open.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

import { number } from "../format";
import { locale, named, t } from "../i18n";
import { entities, info, updatesPerSecond } from "../state";
import { isPast } from "../time/machine";
import { rowsOf, useSql } from "./answer";
import { Bars, type Bar } from "./bars";
import { Measured as MeasuredTable, MEASURED_COLUMNS } from "./measured";

const AGAIN_MS = 10_000;

/** What a datastream without a known interval last said an hour ago, it no longer says. */
const HEALTH =
  "SELECT CASE WHEN last_seen IS NULL THEN 'never' WHEN state <> 'unknown' THEN state " +
  "WHEN last_seen < now() - INTERVAL '1 hour' THEN 'quiet' ELSE 'ok' END AS health, count(*) AS n " +
  "FROM datastream_health GROUP BY health";
const MEASURED =
  `SELECT ${MEASURED_COLUMNS} ` +
  "FROM latest_observations WHERE quality = 0 GROUP BY property, unit ORDER BY n DESC LIMIT 12";
const REFUSED = "SELECT count(*) AS n FROM rejected";

const HEALTHS = ["ok", "late", "quiet", "dead", "never"] as const;

/** A number that goes up every so often, to ask again by. */
function useBeat(): number {
  const [beat, setBeat] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => !document.hidden && setBeat((before) => before + 1), AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  return beat;
}

function Tile({ name, value, note }: { name: string; value: string; note?: string }) {
  return (
    <div class="tile">
      <dt>{name}</dt>
      <dd>
        {value} {note && <small>{note}</small>}
      </dd>
    </div>
  );
}

function Tiles({ refused }: { refused: number | null }) {
  const tag = locale.value;
  const city = info.value;
  if (!city) return null;
  return (
    <dl class="tiles">
      <Tile name={t("overview.things")} value={number(entities.value, tag)} />
      <Tile name={t("overview.streams")} value={number(city.datastreams, tag)} />
      <Tile name={t("overview.readings")} value={number(city.observations, tag)} />
      <Tile name={t("overview.fixes")} value={number(city.positions, tag)} />
      <Tile name={t("overview.rate")} value={number(updatesPerSecond.value, tag, 0)} note="/s" />
      {refused !== null && <Tile name={t("overview.refused")} value={number(refused, tag)} />}
    </dl>
  );
}

function Part({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="dock-part">
      <h3>{title}</h3>
      {children}
    </section>
  );
}

function BarsPart({ title, bars }: { title: string; bars: Bar[] }) {
  if (bars.length === 0) return null;
  return (
    <Part title={title}>
      <Bars bars={bars} label={title} />
    </Part>
  );
}

function Kinds() {
  const counts = Object.entries(info.value?.counts ?? {}).sort((a, b) => b[1] - a[1]);
  const bars = counts.slice(0, 10).map(([kind, value]) => ({ name: named("kind", kind), value }));
  return <BarsPart title={t("overview.kinds")} bars={bars} />;
}

function Health({ beat }: { beat: number }) {
  const rows = rowsOf(useSql(HEALTH, 20, beat)) ?? [];
  const bars = HEALTHS.flatMap((health) => {
    const row = rows.find((row) => row["health"] === health);
    return row ? [{ name: t(`overview.health.${health}`), value: Number(row["n"]) }] : [];
  });
  return <BarsPart title={t("overview.health")} bars={bars} />;
}

function Measured({ beat }: { beat: number }) {
  const rows = rowsOf(useSql(MEASURED, 20, beat));
  if (!rows || rows.length === 0) return null;
  return (
    <Part title={t("overview.measured")}>
      <MeasuredTable rows={rows} />
    </Part>
  );
}

/** The tab. */
export function OverviewTab() {
  const beat = useBeat();
  const refused = rowsOf(useSql(REFUSED, 1, beat));
  return (
    <>
      {isPast.value && <p class="quiet">{t("overview.now")}</p>}
      <Tiles refused={refused ? Number(refused[0]?.["n"] ?? 0) : null} />
      <div class="dock-parts">
        <Kinds />
        <Health beat={beat} />
        <Measured beat={beat} />
      </div>
    </>
  );
}
