// The bar of time: live or an instant of the past by a slider, a date or the playing clock. The right end of the slider is
// now; how far back its left end lies can be chosen.
import { localDateTime, localOffsetMinutes } from "../format";
import { locale, t } from "../i18n";
import { nowMs } from "../state";
import { asking, past, REACHES, reachMs, refusal, speed, SPEEDS, type TimeMachine } from "../time/machine";
import { timeOpen } from "../workbench";
import { Icon } from "./icon";

const STEPS = 1000;

/** An instant as a date field of the browser wants it, in the reader's zone. */
export function fieldText(atMs: number): string {
  const local = new Date(atMs + localOffsetMinutes(atMs * 1000) * 60_000);
  return local.toISOString().slice(0, 19);
}

function Slider({ machine }: { machine: TimeMachine }) {
  const at = past.value;
  const value = at === null ? STEPS : STEPS * (1 - (nowMs.value - at) / reachMs.value);
  return (
    <input
      class="time-slider"
      type="range"
      min={0}
      max={STEPS}
      step={1}
      value={Math.max(0, Math.min(STEPS, value))}
      aria-label={t("time.slider")}
      aria-valuetext={at === null ? t("time.live") : localDateTime(at * 1000, locale.value)}
      onInput={(event) => {
        const share = Number(event.currentTarget.value) / STEPS;
        machine.show(share >= 1 ? null : Date.now() - (1 - share) * reachMs.value);
      }}
    />
  );
}

function PlayButton({ machine }: { machine: TimeMachine }) {
  const playing = speed.value > 0;
  const label = t(playing ? "time.pause" : "time.play");
  return (
    <>
      <button
        type="button"
        class="icon-button small play"
        title={label}
        aria-label={label}
        onClick={() => machine.play(playing ? 0 : 60)}
      >
        <Icon name={playing ? "pause" : "play"} size={17} />
      </button>
      <select
        aria-label={t("time.speed")}
        value={String(speed.value || 60)}
        onChange={(event) => machine.play(Number(event.currentTarget.value))}
      >
        {SPEEDS.map((factor) => (
          <option key={factor} value={String(factor)}>
            {factor}×
          </option>
        ))}
      </select>
    </>
  );
}

/** The bar. */
export function TimeBar({ machine }: { machine: TimeMachine }) {
  if (!timeOpen.value) return null;
  const at = past.value;
  return (
    <section class="timebar glass" aria-label={t("time.title")} data-past={at !== null}>
      <button type="button" class="live-button" aria-pressed={at === null} onClick={() => machine.show(null)}>
        <span class="dot" aria-hidden="true" />
        {t("time.live")}
      </button>
      <PlayButton machine={machine} />
      <Slider machine={machine} />
      <select
        aria-label={t("time.reach")}
        value={String(reachMs.value)}
        onChange={(event) => (reachMs.value = Number(event.currentTarget.value))}
      >
        {REACHES.map((reach) => (
          <option key={reach} value={String(reach)}>
            {t(`time.reach.${reach / 3_600_000}` as "time.reach.1")}
          </option>
        ))}
      </select>
      <input
        type="datetime-local"
        step={1}
        aria-label={t("time.instant")}
        value={fieldText(at ?? nowMs.value)}
        onChange={(event) => {
          const wanted = Date.parse(event.currentTarget.value);
          if (!Number.isNaN(wanted)) machine.show(wanted);
        }}
      />
      <span class="time-state" role="status">
        {refusal.value ?? (asking.value ? t("ask.busy") : at === null ? "" : t("time.past"))}
      </span>
    </section>
  );
}
