// A report on paper: the picture, which city and instant it is of, the address that shows it again, and under it what the
// open tab of the workbench says. The page is its own report: the print style hides what is for the screen only.
import { useEffect, useRef } from "preact/hooks";

import { localDateTime } from "../format";
import { locale, t } from "../i18n";
import { info } from "../state";
import { past } from "../time/machine";
import { printed } from "../workbench";

/** The head of the report; printing begins once its picture is there. */
export function ReportHead() {
  const picture = printed.value;
  const image = useRef<HTMLImageElement>(null);
  useEffect(() => {
    const shown = image.current;
    if (!picture || !shown) return undefined;
    const done = () => (printed.value = null);
    window.addEventListener("afterprint", done, { once: true });
    void shown.decode().then(() => window.print());
    return () => window.removeEventListener("afterprint", done);
  }, [picture]);
  if (!picture) return null;
  const at = past.value;
  const words = {
    city: info.value?.name ?? "Urbis",
    at: localDateTime((at ?? Date.now()) * 1000, locale.value),
  };
  return (
    <header class="report">
      <h1>{t(at === null ? "report.live" : "report.of", words)}</h1>
      <img ref={image} src={picture} alt={t("report.picture")} />
      <p class="quiet">{location.href}</p>
    </header>
  );
}
