// What stands in a drawn area, at the instant that is shown: counts as bars, readings, and the things themselves as a table
// that can be downloaded. Without an area: the tools that draw one. A way is measured.
import { number } from "../format";
import { known, locale, named, t } from "../i18n";
import { past } from "../time/machine";
import {
  areaM2,
  back,
  begin,
  clear,
  distanceM,
  drawing,
  finish,
  lengthM,
  outline,
  polygonText,
  sketch,
  type Shape,
  type Sketch,
} from "../viewer/sketch";
import { rowsOf, useSql } from "./answer";
import { Bars } from "./bars";
import { Download } from "./download";
import { Icon, type IconName } from "./icon";
import { Measured, MEASURED_COLUMNS } from "./measured";
import { Table } from "./table";

const MOST_THINGS = 500;
const SHAPES: [Shape, IconName][] = [
  ["polygon", "polygon"],
  ["circle", "circle"],
  ["way", "ruler"],
];

/** The tables of the instant that is shown. */
function tables(): { things: string; readings: string; moving: string } {
  if (past.value === null) {
    return {
      things: "entities",
      readings: "latest_observations",
      moving: "(SELECT * FROM latest_positions WHERE time > now() - INTERVAL '10 minutes')",
    };
  }
  const at = `TIMESTAMP '${new Date(past.value).toISOString()}'`;
  // As far back as the picture looks: a fix of ten minutes, a reading of a day.
  const readings =
    `(SELECT o.value, e.lon, e.lat, d.property, d.unit FROM (SELECT datastream, ` +
    `first_value(value ORDER BY phenomenon_time DESC, seq DESC) AS value FROM observations WHERE phenomenon_time <= ${at} ` +
    `AND phenomenon_time > ${at} - INTERVAL '1 day' GROUP BY datastream) o JOIN datastreams d ON d.id = o.datastream ` +
    `JOIN entities e ON e.id = d.entity)`;
  const moving =
    `(SELECT first_value(lon ORDER BY time DESC, seq DESC) AS lon, first_value(lat ORDER BY time DESC, seq DESC) AS lat ` +
    `FROM positions WHERE time <= ${at} AND time > ${at} - INTERVAL '10 minutes' GROUP BY entity)`;
  return { things: `entities_as_of('${new Date(past.value).toISOString()}')`, readings, moving };
}

/** The questions about an area. */
export function areaQuestions(polygon: string): Record<"kinds" | "moving" | "readings" | "things", string> {
  const area = `ST_GeomFromText('${polygon}')`;
  const { things, readings, moving } = tables();
  const standing = `FROM ${things} WHERE ST_Intersects(geometry, ${area})`;
  return {
    kinds: `SELECT kind, class, count(*) AS n ${standing} GROUP BY kind, class ORDER BY n DESC`,
    moving: `SELECT count(*) AS n FROM ${moving} WHERE ST_Intersects(ST_Point(lon, lat), ${area})`,
    readings:
      `SELECT ${MEASURED_COLUMNS} FROM ${readings} ` +
      `WHERE ST_Intersects(ST_Point(lon, lat), ${area}) GROUP BY property, unit ORDER BY n DESC`,
    things: `SELECT name, kind, class, dataset, lon, lat, id ${standing} ORDER BY kind, name`,
  };
}

function Tools() {
  const shape = sketch.value?.shape;
  return (
    <div class="buttons">
      {SHAPES.map(([name, icon]) => (
        <button
          key={name}
          type="button"
          class="button small"
          data-shape={name}
          aria-pressed={drawing.value && shape === name}
          onClick={() => begin(name)}
        >
          <Icon name={icon} size={15} />
          {t(`area.draw.${name}`)}
        </button>
      ))}
      {drawing.value && (
        <button
          type="button"
          class="button small"
          disabled={sketch.value?.places.length === 0}
          onClick={back}
        >
          {t("area.back")}
        </button>
      )}
      {drawing.value && shape !== "circle" && (
        <button type="button" class="button small primary" onClick={finish}>
          {t("area.finish")}
        </button>
      )}
      {sketch.value && (
        <button type="button" class="button small" onClick={clear}>
          <Icon name="close" size={15} />
          {t("area.clear")}
        </button>
      )}
    </div>
  );
}

const metres = (value: number): string =>
  value >= 10_000 ? `${number(value / 1000, locale.value)} km` : `${number(value, locale.value)} m`;

const squareMetres = (value: number): string =>
  value >= 1e6 ? `${number(value / 1e6, locale.value)} km²` : `${number(value, locale.value, 0)} m²`;

/** What a sketch measures, in words. */
function Measures({ drawn }: { drawn: Sketch }) {
  const { shape, places } = drawn;
  const ring = outline(shape, places);
  const first = ring[0];
  const [a, b] = places;
  const facts: [string, string][] = [];
  if (shape === "way") facts.push([t("area.length"), metres(lengthM(places))]);
  if (shape === "circle" && a && b) facts.push([t("area.radius"), metres(distanceM(a, b))]);
  if (shape !== "way" && first && ring.length > 2) {
    facts.push(
      [t("area.area"), squareMetres(areaM2(ring))],
      [t("area.perimeter"), metres(lengthM([...ring, first]))],
    );
  }
  return (
    <dl class="facts-line">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function kindName(kind: string, cls: string): string {
  const name = named("kind", kind);
  return cls && cls !== kind ? `${name} · ${known("class", cls) ?? named("class", cls)}` : name;
}

function Counts({ polygon }: { polygon: string }) {
  const questions = areaQuestions(polygon);
  const kinds = useSql(questions.kinds, 1000);
  const moving = useSql(questions.moving, 1);
  const rows = rowsOf(kinds);
  if (kinds.state === "failed") return <p class="failed">{kinds.reason}</p>;
  if (!rows) return <p class="quiet">{t("ask.busy")}</p>;
  const total = rows.reduce((sum, row) => sum + Number(row["n"]), 0);
  const bars = rows.slice(0, 12).map((row) => ({
    name: kindName(String(row["kind"]), String(row["class"] ?? "")),
    value: Number(row["n"]),
  }));
  const now = Number(rowsOf(moving)?.[0]?.["n"] ?? 0);
  return (
    <section class="dock-part">
      <h3>
        {t("area.things", { n: number(total, locale.value) })}
        {now > 0 && ` · ${t("area.moving", { n: number(now, locale.value) })}`}
      </h3>
      {bars.length === 0 ? (
        <p class="quiet">{t("area.nothing")}</p>
      ) : (
        <Bars bars={bars} label={t("area.kinds")} />
      )}
    </section>
  );
}

function AreaReadings({ polygon }: { polygon: string }) {
  const rows = rowsOf(useSql(areaQuestions(polygon).readings, 100));
  if (!rows || rows.length === 0) return null;
  return (
    <section class="dock-part">
      <h3>{t("area.readings")}</h3>
      <Measured rows={rows} />
    </section>
  );
}

function Things({ polygon, open }: { polygon: string; open: (id: string) => void }) {
  const { things } = areaQuestions(polygon);
  const asked = useSql(things, MOST_THINGS);
  const rows = rowsOf(asked);
  return (
    <section class="dock-part wide">
      <h3>
        {t("area.list")} <Download sql={things} name="area" />
      </h3>
      {asked.state === "failed" && <p class="failed">{asked.reason}</p>}
      {rows && rows.length > 0 && <Table rows={rows} open={open} label={t("area.list")} />}
      {asked.state === "rows" && asked.truncated && <p class="quiet">{t("area.cut", { n: MOST_THINGS })}</p>}
    </section>
  );
}

/** The tab. */
export function AreaTab({ open }: { open: (id: string) => void }) {
  const drawn = sketch.value;
  const polygon = polygonText(drawn);
  return (
    <>
      <div class="dock-tools">
        <Tools />
        {drawn && <Measures drawn={drawn} />}
      </div>
      {!polygon && (
        <p class="quiet">{t(drawing.value ? `area.how.${drawn?.shape ?? "polygon"}` : "area.begin")}</p>
      )}
      {polygon && (
        <div class="dock-parts">
          <Counts polygon={polygon} />
          <AreaReadings polygon={polygon} />
          <Things polygon={polygon} open={open} />
        </div>
      )}
    </>
  );
}

/** The keys that draw: Enter ends, Backspace takes back, Escape clears. True when the key meant something. */
export function drawingKey(key: string): boolean {
  const act: Record<string, () => void> = { Enter: finish, Backspace: back, Escape: clear };
  const chosen = drawing.value ? act[key] : undefined;
  chosen?.();
  return chosen !== undefined;
}
