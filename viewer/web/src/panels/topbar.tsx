// The bar at the top: the name of the city, the search box, and the switches for language, theme, layers and help.
import type { Hit } from "../api/types";
import { lang, t, toggleLang } from "../i18n";
import { card, helpOpen, info, layersOpen, narrow, theme } from "../state";
import { toggleDock, toggleLayers, toggleTheme, toggleTime } from "../actions";
import { tab, timeOpen } from "../workbench";
import { Icon, type IconName } from "./icon";
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

/** A button of the bar: an icon that says its name. */
function Tool(props: {
  icon: IconName;
  label: string;
  onClick: () => void;
  extra?: string;
  expanded?: boolean;
  controls?: string;
  popup?: "dialog";
}) {
  return (
    <button
      type="button"
      class={`icon-button ${props.extra ?? ""}`.trim()}
      title={props.label}
      aria-label={props.label}
      aria-expanded={props.expanded}
      aria-controls={props.controls}
      aria-haspopup={props.popup}
      onClick={props.onClick}
    >
      <Icon name={props.icon} />
    </button>
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
        <Tool
          icon="layers"
          label={t("bar.layers")}
          extra="layers-button"
          expanded={layersOpen.value && !(narrow.value && card.value !== null)}
          controls="layers"
          onClick={toggleLayers}
        />
        <Tool icon="chart" label={t("dock.title")} expanded={tab.value !== null} onClick={toggleDock} />
        <Tool icon="clock" label={t("time.title")} expanded={timeOpen.value} onClick={toggleTime} />
        <Tool icon="home" label={t("bar.home")} onClick={onHome} />
        <Tool icon={night ? "sun" : "moon"} label={themeLabel} onClick={toggleTheme} />
        <Tool icon="help" label={t("bar.help")} popup="dialog" onClick={() => (helpOpen.value = true)} />
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
