// The card of the thing that is selected: what it is, its codes, readings, properties, origin and receipt.
import { useEffect, useRef } from "preact/hooks";

import type { Entity } from "../api/types";
import { localDateTime, number, parseTimeUs, plain, quantity, splitUnit, unitText, wind } from "../format";
import { known, locale, named, readable, t } from "../i18n";
import { card, narrow, selected } from "../state";
import { agoText, placeText } from "./words";
import { CopyButton } from "./copy";
import { Icon } from "./icon";
import { kindIcon } from "./search";
import { Readings } from "./readings";
import { ReceiptBox } from "./receipt";

/** What the card asks the page to do. */
export interface CardActions {
  fly: (place: { lon: number; lat: number; height_m: number | null }) => void;
  link: () => void;
  retry: () => void;
  select: (id: string) => void;
}

function valueText(value: unknown, unit: string): string {
  if (typeof value === "number") return `${plain(value)}\u202f${unitText(unit)}`.trim();
  if (typeof value === "string") return known("class", value) ?? value;
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  return value === null || value === undefined ? "–" : JSON.stringify(value);
}

/** One property as a row: its name without the unit, its value with it. */
function propertyRow([key, value]: [string, unknown]): [string, string] {
  const { name, unit } = splitUnit(key);
  return [named("attribute", name), valueText(value, unit)];
}

function Rows({ rows }: { rows: [name: string, value: preact.ComponentChildren][] }) {
  return (
    <dl class="rows">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Codes({ entity }: { entity: Entity }) {
  const beidou = t("card.codes.beidou");
  const codes: [string, string | null | undefined][] = [
    [beidou, entity.codes?.beidou],
    [`${beidou} 3D`, entity.codes?.beidou_3d],
    ["GeoSOT", entity.codes?.geosot],
    ["GeoSOT 3D", entity.codes?.geosot_3d],
    ["H3", entity.codes?.h3],
    [t("card.codes.key"), entity.codes?.key],
  ];
  const known = codes.filter((pair): pair is [string, string] => Boolean(pair[1]));
  if (known.length === 0) return null;
  return (
    <section>
      <h3>{t("card.codes")}</h3>
      <dl class="codes">
        {known.map(([name, code]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <code>{code}</code>
              <CopyButton text={code} what={name} />
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Properties({ entity }: { entity: Entity }) {
  const rows = Object.entries(entity.properties ?? {}).filter(
    ([key, value]) => value !== null && value !== "" && !key.startsWith("name:"),
  );
  return (
    <section>
      <h3>{t("card.properties")}</h3>
      {rows.length === 0 ? (
        <p class="quiet">{t("card.properties.none")}</p>
      ) : (
        <Rows rows={rows.map(propertyRow)} />
      )}
    </section>
  );
}

function Movement({ entity }: { entity: Entity }) {
  const fix = entity.position;
  if (!fix) return null;
  const timeUs = parseTimeUs(fix.time);
  const rows: [string, string][] = [];
  if (fix.speed_m_s !== null)
    rows.push([t("card.speed"), quantity(Math.round(fix.speed_m_s * 36) / 10, "km/h", locale.value)]);
  if (fix.heading_deg !== null)
    rows.push([t("card.heading"), `${Math.round(fix.heading_deg)}° ${t(`wind.${wind(fix.heading_deg)}`)}`]);
  if (timeUs !== null) rows.push([t("card.fix"), agoText(timeUs)]);
  return (
    <section>
      <h3>{t("card.movement")}</h3>
      <Rows rows={rows} />
    </section>
  );
}

function validText(entity: Entity): string | null {
  const from = parseTimeUs(entity.valid_from);
  const to = parseTimeUs(entity.valid_to);
  if (from === null) return null;
  const start = localDateTime(from, locale.value);
  if (to === null) return t("card.valid.open", { from: start });
  return t("card.valid.span", { from: start, to: localDateTime(to, locale.value) });
}

function Origin({ entity, select }: { entity: Entity; select: (id: string) => void }) {
  const recorded = parseTimeUs(entity.recorded_at);
  const valid = validText(entity);
  const parent = entity.parent;
  const rows: [string, preact.ComponentChildren][] = [
    [t("card.source"), `${entity.source.dataset} · ${entity.source.id}`],
    ...(entity.lineage ? [[t("card.lineage"), entity.lineage] as [string, string]] : []),
    [t("card.reference"), named("height", entity.height_reference)],
    ...(recorded === null
      ? []
      : [[t("card.recorded"), localDateTime(recorded, locale.value)] as [string, string]]),
    ...(valid ? [[t("card.valid"), valid] as [string, string]] : []),
    [t("card.sequence"), number(entity.sequence, locale.value)],
  ];
  if (parent) {
    const open = (
      <button type="button" class="text-button" onClick={() => select(parent)}>
        {parent}
      </button>
    );
    rows.push([t("card.parent"), open]);
  }
  return (
    <section>
      <h3>{t("card.origin")}</h3>
      <Rows rows={rows} />
    </section>
  );
}

function Facts({ entity }: { entity: Entity }) {
  const place = entity.position ?? entity.place;
  return (
    <dl class="facts">
      <div>
        <dt>{t("card.id")}</dt>
        <dd>
          <code>{entity.id}</code>
          <CopyButton text={entity.id} what={t("card.id")} />
        </dd>
      </div>
      {place && (
        <div>
          <dt>{t("card.position")}</dt>
          <dd>
            <span class="figures">{placeText(place.lon, place.lat)}</span>
            {place.height_m !== null && (
              <span class="figures">{quantity(place.height_m, "m", locale.value)}</span>
            )}
          </dd>
        </div>
      )}
    </dl>
  );
}

function Known({ entity, actions }: { entity: Entity; actions: CardActions }) {
  return (
    <>
      <Facts entity={entity} />
      {entity.datastreams.length > 0 && <Readings datastreams={entity.datastreams} />}
      <Movement entity={entity} />
      <Codes entity={entity} />
      <Properties entity={entity} />
      <ReceiptBox id={entity.id} receipt={entity.receipt} />
      <Origin entity={entity} select={actions.select} />
    </>
  );
}

/** The names of a thing: the one in the present language first. */
export function namesOf(entity: Entity, tag: string): string[] {
  const own = entity.properties?.[`name:${tag.slice(0, 2)}`];
  const names = [typeof own === "string" ? own : null, entity.name];
  return [...new Set(names.filter((name): name is string => Boolean(name)))];
}

function Title({ entity }: { entity: Entity | null }) {
  const kind = entity?.kind ?? "other";
  const kindName = named("kind", kind);
  const [name, other] = entity ? namesOf(entity, locale.value) : [];
  const title = name ?? (entity ? t("card.unnamed", { kind: kindName }) : t("card.title"));
  const detail = entity && entity.class && entity.class !== kind ? named("class", entity.class) : null;
  return (
    <div class="card-title">
      <span class="card-icon">
        <Icon name={kindIcon(kind)} size={20} />
      </span>
      <div>
        <h2 id="card-title">{title}</h2>
        {entity && <p class="quiet">{[other, readable(kindName), detail].filter(Boolean).join(" · ")}</p>}
      </div>
    </div>
  );
}

/** The card; nothing when nothing is selected. */
export function EntityCard({ actions }: { actions: CardActions }) {
  const shown = card.value;
  const body = useRef<HTMLDivElement>(null);
  const id = shown?.id;
  useEffect(() => {
    if (body.current) body.current.scrollTop = 0;
  }, [id]);
  if (!shown) return null;
  const entity = shown.state === "ready" ? shown.entity : null;
  const place = entity?.position ?? entity?.place ?? null;
  return (
    <aside class="panel card glass" aria-labelledby="card-title" data-state={shown.state}>
      <header class="panel-head">
        <Title entity={entity} />
        <div class="panel-tools">
          {place && (
            <button
              type="button"
              class="icon-button small"
              title={t("card.fly")}
              aria-label={t("card.fly")}
              onClick={() => actions.fly(place)}
            >
              <Icon name="crosshair" size={17} />
            </button>
          )}
          <button
            type="button"
            class="icon-button small"
            title={t("card.link")}
            aria-label={t("card.link")}
            onClick={actions.link}
          >
            <Icon name="link" size={17} />
          </button>
          <button
            type="button"
            class="icon-button small"
            title={t("card.close")}
            aria-label={t("card.close")}
            onClick={() => (selected.value = null)}
          >
            <Icon name="close" size={17} />
          </button>
        </div>
      </header>
      <div
        class="panel-body"
        ref={body}
        tabIndex={narrow.value ? -1 : 0}
        role="group"
        aria-labelledby="card-title"
      >
        {shown.state === "loading" && <p class="quiet">{t("card.loading")}</p>}
        {shown.state === "missing" && <p class="quiet">{t("card.missing")}</p>}
        {shown.state === "failed" && (
          <>
            <p class="quiet">{t("card.failed", { reason: shown.reason })}</p>
            <button type="button" class="button" onClick={actions.retry}>
              {t("card.retry")}
            </button>
          </>
        )}
        {entity && <Known entity={entity} actions={actions} />}
      </div>
    </aside>
  );
}
