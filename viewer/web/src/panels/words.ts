// Ages and places in the present language.
import { age, degrees } from "../format";
import { t } from "../i18n";
import { nowMs } from "../state";

/** `12 s ago`; read inside a component it grows older by itself. */
export function agoText(timeUs: number): string {
  const { unit, n } = age(nowMs.value - timeUs / 1000);
  return unit === "now" ? t("time.now") : t(`time.ago.${unit}`, { n });
}

/** Latitude and longitude in words. */
export function placeText(lon: number, lat: number): string {
  const { ns, ew, ...words } = degrees(lon, lat);
  return t(`place.degrees.${ns}${ew}`, words);
}
