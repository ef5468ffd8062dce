// The word that this city is made up; shown in the top bar, or in the status bar where the top bar has no room.
import { t } from "../i18n";
import { info } from "../state";

/** The badge; nothing for a real city. */
export function SyntheticBadge() {
  if (!info.value?.synthetic) return null;
  return (
    <span class="badge" title={t("app.synthetic.hint")}>
      {t("app.synthetic")}
    </span>
  );
}
