// The bar at the bottom: is the line alive, how much is there, how fast does it come, when was it last.
import type { ComponentChildren } from "preact";

import { localClock, localDateTime, localOffsetMinutes, number, utcClock, zoneText } from "../format";
import { locale, t } from "../i18n";
import {
  backend,
  delayMs,
  entities,
  framesPerSecond,
  lastDataUs,
  link,
  missed,
  nowMs,
  pointer,
  updatesPerSecond,
} from "../state";
import { past } from "../time/machine";
import { SyntheticBadge } from "./synthetic";
import { placeText } from "./words";

function linkText(): string {
  const state = link.value;
  if (state.phase === "live") return t("status.live");
  if (state.phase === "snapshot") return t("status.snapshot");
  if (state.phase === "connecting") return t(state.attempt > 0 ? "status.retrying" : "status.connecting");
  const seconds = Math.max(1, Math.ceil((state.retryAtMs - nowMs.value) / 1000));
  return t("status.retry", { s: seconds });
}

/** The coloured dot and its words; while waiting, a button that tries at once. */
function LinkBadge({ onRetry, onLive }: { onRetry: () => void; onLive: () => void }) {
  const { phase } = link.value;
  const at = past.value;
  if (at !== null && phase === "live") {
    return (
      <div class="link" data-phase="past">
        <span class="dot" aria-hidden="true" />
        <span role="status" aria-label={t("status.label")}>
          {t("status.past", { at: localDateTime(at * 1000, locale.value) })}
        </span>
        <button type="button" class="text-button" onClick={onLive}>
          {t("status.to_live")}
        </button>
      </div>
    );
  }
  return (
    <div class="link" data-phase={phase}>
      <span class="dot" aria-hidden="true" />
      <span role="status" aria-label={t("status.label")}>
        {linkText()}
      </span>
      {phase === "waiting" && (
        <button type="button" class="text-button" onClick={onRetry}>
          {t("status.now")}
        </button>
      )}
    </div>
  );
}

function Figure(props: {
  name: string;
  value: string;
  hint?: string;
  id: string;
  children?: ComponentChildren;
}) {
  return (
    <div class={`figure figure-${props.id}`} title={props.hint}>
      <b data-figure={props.id}>{props.value}</b> {props.name}
      {props.children}
    </div>
  );
}

function LastData() {
  const timeUs = lastDataUs.value;
  if (timeUs === null) return null;
  const offset = localOffsetMinutes(timeUs);
  return (
    <div class="figure figure-last">
      <span class="figure-word">{t("status.last")} </span>
      <b>{localClock(timeUs)}</b> {zoneText(offset)}
      {offset !== 0 && (
        <span class="figure-utc">
          {" "}
          · <b>{utcClock(timeUs)}</b> UTC
        </span>
      )}
    </div>
  );
}

function Missed() {
  const lost = missed.value;
  if (lost.missed === 0) return null;
  const hint = t("status.missed.hint", { missed: lost.missed, coalesced: lost.coalesced });
  return (
    <Figure id="missed" name={t("status.missed")} value={number(lost.missed, locale.value)} hint={hint} />
  );
}

/** The bar. */
export function StatusBar({ onRetry, onLive }: { onRetry: () => void; onLive: () => void }) {
  const tag = locale.value;
  const delay = delayMs.value;
  const at = pointer.value;
  return (
    <footer class="statusbar glass">
      <LinkBadge onRetry={onRetry} onLive={onLive} />
      <Figure id="entities" name={t("status.entities")} value={number(entities.value, tag)} />
      <Figure id="updates" name={t("status.updates")} value={number(updatesPerSecond.value, tag, 0)} />
      {delay !== null && (
        <div class="figure figure-delay" title={t("status.latency.hint")}>
          {t("status.latency")} <b data-figure="delay">{delay < 1 ? "< 1" : number(delay, tag, 0)}</b> ms
        </div>
      )}
      <Missed />
      <SyntheticBadge />
      <span class="spacer" />
      {at && (
        <div class="figure figure-pointer" title={t("status.pointer")}>
          {placeText(at.lon, at.lat)}
        </div>
      )}
      <LastData />
      <Figure id="fps" name={t("status.fps")} value={number(framesPerSecond.value, tag, 0)} />
      {backend.value && (
        <div class="figure figure-backend" title={t("status.backend.hint")} data-figure="backend">
          {backend.value}
        </div>
      )}
    </footer>
  );
}
