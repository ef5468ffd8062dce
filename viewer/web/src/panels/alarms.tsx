// Alarms, newest first: which rule, what happened, to which thing and when; a click goes there. One that is open can be
// acknowledged with a key for writing, which the page keeps only until it is closed. Comes in: the log of alerts and what is
// added to it while the tab is open.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { acknowledge, askSql, getAlerts } from "../api/client";
import type { Alert, Row } from "../api/types";
import { localDateTime, number, parseTimeUs, quantity } from "../format";
import { locale, t } from "../i18n";
import { recall, remember } from "../memory";
import { rowsOf, useSql } from "./answer";
import { say } from "./copy";
import { Icon } from "./icon";
import { agoText } from "./words";

const AGAIN_MS = 3_000;
const MOST_SHOWN = 200;
/** More than these are not kept; the log keeps them all. */
const MOST_KEPT = 20_000;
/** So many are asked for when the tab is opened first. */
const MOST_AT_FIRST = 5_000;

/** The log as far as the page knows it; null before it has been asked for. */
const log = signal<Alert[] | null>(null);
/** False where the server has no rules. */
const ruled = signal(true);
const failure = signal<string | null>(null);
const writeKey = signal("");
/** Who takes note. */
const who = signal(recall("name") ?? "");

/** Alerts that nobody has taken note of, newest first, and who has taken note of which. */
export function openAlerts(all: Alert[]): { alerts: Alert[]; notedBy: Map<number, string> } {
  const notedBy = new Map<number, string>();
  for (const alert of all) {
    if (alert.event === "acknowledged" && alert.alert) notedBy.set(alert.alert, alert.by ?? "");
  }
  const alerts = all.filter((alert) => alert.event !== "acknowledged").reverse();
  return { alerts, notedBy };
}

/** From which number on the log is asked for at first: its end, however long it is. */
async function firstNumber(): Promise<number> {
  try {
    const { rows } = await askSql("SELECT max(number) AS n FROM alerts", 1);
    return Math.max(0, Number(rows[0]?.["n"] ?? 0) - MOST_AT_FIRST);
  } catch {
    // There is no such table where there are no rules; the log itself says so.
    return 0;
  }
}

let asking = false;

/** Asks for what was added; one question at a time, so that nothing is added twice. */
async function askOn(): Promise<void> {
  if (asking) return;
  asking = true;
  const known = log.peek();
  try {
    const more = await getAlerts(known?.[known.length - 1]?.number ?? (await firstNumber()));
    ruled.value = more !== null;
    failure.value = null;
    if (more && (more.length > 0 || known === null))
      log.value = [...(known ?? []), ...more].slice(-MOST_KEPT);
  } catch (error) {
    failure.value = (error as Error).message;
  }
  asking = false;
}

async function takeNote(alert: Alert): Promise<void> {
  try {
    await acknowledge(alert.number, who.peek().trim(), writeKey.peek().trim());
    await askOn();
  } catch (error) {
    say(t("alarms.refused", { reason: (error as Error).message }));
  }
}

/** Names, units and places of what the newest alerts are of. */
const NAMES =
  "SELECT a.number, e.name, e.class, e.lon, e.lat, d.unit, f.name AS fence FROM alerts a " +
  "LEFT JOIN entities e ON e.id = a.thing LEFT JOIN entities f ON f.id = a.fence " +
  "LEFT JOIN datastreams d ON d.id = a.datastream ORDER BY a.number DESC LIMIT 200";

/** An alert of a reading is where its sensor stands. */
function placed(alert: Alert, about: Row | undefined): Alert {
  const [lon, lat] = [about?.["lon"], about?.["lat"]];
  if (alert.lon !== null || typeof lon !== "number" || typeof lat !== "number") return alert;
  return { ...alert, lon, lat };
}

function AlertRow({
  alert,
  notedBy,
  about,
  show,
}: {
  alert: Alert;
  notedBy: string | undefined;
  about: Row | undefined;
  show: (alert: Alert) => void;
}) {
  const timeUs = parseTimeUs(alert.time);
  const [name, fence] = [about?.["name"], about?.["fence"]].map((text) => (text ? String(text) : null));
  const unit = String(about?.["unit"] ?? "1");
  const value = alert.value === null ? null : quantity(alert.value, unit, locale.value);
  const words = [name, t(`alarms.event.${alert.event}`), fence, value].filter(Boolean).join(" · ");
  return (
    <li class="alert" data-event={alert.event} data-noted={notedBy !== undefined}>
      <button type="button" class="alert-main" onClick={() => show(placed(alert, about))}>
        <b>{alert.rule}</b>
        <span>{words}</span>
        <time title={timeUs === null ? "" : localDateTime(timeUs, locale.value)}>
          {timeUs === null ? alert.time : agoText(timeUs)}
        </time>
      </button>
      {notedBy !== undefined ? (
        <span class="quiet">
          <Icon name="check" size={14} /> {notedBy}
        </span>
      ) : (
        writeKey.value !== "" &&
        who.value.trim() !== "" && (
          <button type="button" class="button small" onClick={() => void takeNote(alert)}>
            {t("alarms.note")}
          </button>
        )
      )}
    </li>
  );
}

/** The tab; `show` goes to where an alert was. */
export function AlarmsTab({ show }: { show: (alert: Alert) => void }) {
  useEffect(() => {
    void askOn();
    const timer = setInterval(() => !document.hidden && void askOn(), AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  const newest = log.value?.[log.value.length - 1]?.number ?? 0;
  const abouts = rowsOf(useSql(newest > 0 ? NAMES : null, MOST_SHOWN, newest));
  if (!ruled.value) return <p class="quiet">{t("alarms.none_ruled")}</p>;
  if (failure.value) return <p class="failed">{failure.value}</p>;
  if (log.value === null) return <p class="quiet">{t("ask.busy")}</p>;
  const { alerts, notedBy } = openAlerts(log.value);
  const open = alerts.filter((alert) => !notedBy.has(alert.number)).length;
  return (
    <>
      <div class="dock-tools">
        <span role="status">
          {t("alarms.open", { n: number(open, locale.value), all: number(alerts.length, locale.value) })}
        </span>
        <label class="key-field">
          <span>{t("alarms.name")}</span>
          <input
            type="text"
            autocomplete="name"
            value={who.value}
            onInput={(event) => {
              who.value = event.currentTarget.value;
              remember("name", who.value);
            }}
          />
        </label>
        <label class="key-field">
          <span>{t("alarms.key")}</span>
          <input
            type="password"
            autocomplete="off"
            value={writeKey.value}
            onInput={(event) => (writeKey.value = event.currentTarget.value)}
          />
        </label>
      </div>
      {alerts.length === 0 && <p class="quiet">{t("alarms.nothing")}</p>}
      <ul class="alerts">
        {alerts.slice(0, MOST_SHOWN).map((alert) => (
          <AlertRow
            key={alert.number}
            alert={alert}
            notedBy={notedBy.get(alert.number)}
            about={abouts?.find((row) => row["number"] === alert.number)}
            show={show}
          />
        ))}
      </ul>
    </>
  );
}
