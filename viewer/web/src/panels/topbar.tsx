// The bar at the top: the name of the city, the search box, and the switches for language, theme, layers and help.
import type { Hit } from "../api/types";
import { lang, t, toggleLang } from "../i18n";
import { card, helpOpen, info, layersOpen, narrow, theme } from "../state";
import { toggleDock, toggleLayers, toggleTheme, toggleTime } from "../actions";
import { tab, timeOpen } from "../workbench";
import { Icon } from "./icon";
import { SearchBox } from "./search";
import { SyntheticBadge } from "./synthetic";

function Brand() {
  const city = info.value;
  const name = city && city.name.toLowerCase() !== "urbis" ? city.name : null;
  return (
    <div class="brand">
      <img src="/urbis.svg" alt="" width="26" height="26" />
      <h1>Urbis</h1>
      {name && <span class="brand-city">{name}</span>}
      <SyntheticBadge />
    </div>
  );
}

/** The bar. */
export function TopBar({ onChoose, onHome }: { onChoose: (hit: Hit) => void; onHome: () => void }) {
  const night = theme.value === "night";
  const themeLabel = t(night ? "bar.theme.day" : "bar.theme.night");
  return (
    <header class="topbar glass">
      <Brand />
      <SearchBox onChoose={onChoose} />
      <nav class="tools" aria-label={t("bar.help")}>
        <button
          type="button"
          class="icon-button layers-button"
          title={t("bar.layers")}
          aria-label={t("bar.layers")}
          aria-expanded={layersOpen.value && !(narrow.value && card.value !== null)}
          aria-controls="layers"
          onClick={toggleLayers}
        >
          <Icon name="layers" />
        </button>
        <button
          type="button"
          class="icon-button dock-button"
          title={t("dock.title")}
          aria-label={t("dock.title")}
          aria-expanded={tab.value !== null}
          onClick={toggleDock}
        >
          <Icon name="chart" />
        </button>
        <button
          type="button"
          class="icon-button time-button"
          title={t("time.title")}
          aria-label={t("time.title")}
          aria-expanded={timeOpen.value}
          onClick={toggleTime}
        >
          <Icon name="clock" />
        </button>
        <button
          type="button"
          class="icon-button"
          title={t("bar.home")}
          aria-label={t("bar.home")}
          onClick={onHome}
        >
          <Icon name="home" />
        </button>
        <button
          type="button"
          class="icon-button"
          title={themeLabel}
          aria-label={themeLabel}
          onClick={toggleTheme}
        >
          <Icon name={night ? "sun" : "moon"} />
        </button>
        <button
          type="button"
          class="icon-button"
          title={t("bar.help")}
          aria-label={t("bar.help")}
          aria-haspopup="dialog"
          onClick={() => (helpOpen.value = true)}
        >
          <Icon name="help" />
        </button>
        <button
          type="button"
          class="text-button language"
          lang={lang.value === "zh" ? "en" : "zh-CN"}
          title={t("bar.language.hint")}
          onClick={toggleLang}
        >
          {narrow.value ? (lang.value === "zh" ? "EN" : "中") : t("bar.language")}
        </button>
      </nav>
    </header>
  );
}
