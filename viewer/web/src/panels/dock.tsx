// The workbench under the city: one tab each for the overview, a drawn area, a question in SQL and alarms.
import type { Alert } from "../api/types";
import { t } from "../i18n";
import { narrow } from "../state";
import { tab, TABS, type Tab } from "../workbench";
import { AlarmsTab } from "./alarms";
import { AreaTab } from "./area";
import { Icon, type IconName } from "./icon";
import { OverviewTab } from "./overview";
import { SqlTab } from "./sql";

/** The icon of each tab. */
export const tabIcons: Record<Tab, IconName> = {
  overview: "chart",
  area: "polygon",
  sql: "terminal",
  alarms: "bell",
};

/** What the workbench can make the city do. */
export interface DockActions {
  open: (id: string) => void;
  show: (alert: Alert) => void;
  /** Takes the picture that a report begins with. */
  print: () => void;
}

function step(from: Tab, by: number): void {
  const next = TABS[(TABS.indexOf(from) + by + TABS.length) % TABS.length];
  if (!next) return;
  tab.value = next;
  document.getElementById(`tab-${next}`)?.focus();
}

function Tabs({ open }: { open: Tab }) {
  const onKeyDown = (event: KeyboardEvent) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    step(open, by);
  };
  return (
    <div class="tabs" role="tablist" aria-label={t("dock.title")} onKeyDown={onKeyDown}>
      {TABS.map((name) => (
        <button
          key={name}
          id={`tab-${name}`}
          type="button"
          role="tab"
          aria-selected={name === open}
          aria-controls="dock-body"
          tabIndex={name === open ? 0 : -1}
          onClick={() => (tab.value = name)}
        >
          <Icon name={tabIcons[name]} size={16} />
          <span>{t(`dock.${name}`)}</span>
        </button>
      ))}
    </div>
  );
}

/** The workbench. */
export function Dock({ actions }: { actions: DockActions }) {
  const open = tab.value;
  if (!open) return null;
  return (
    <section class="dock glass" aria-label={t("dock.title")}>
      <header class="dock-head">
        <Tabs open={open} />
        <button
          type="button"
          class="icon-button small dock-print"
          title={t("report.print")}
          aria-label={t("report.print")}
          onClick={actions.print}
        >
          <Icon name="printer" size={17} />
        </button>
        <button
          type="button"
          class="icon-button small"
          title={t("dock.close")}
          aria-label={t("dock.close")}
          onClick={() => (tab.value = null)}
        >
          <Icon name="close" size={narrow.value ? 20 : 17} />
        </button>
      </header>
      <div
        id="dock-body"
        class="dock-body"
        role="tabpanel"
        aria-labelledby={`tab-${open}`}
        tabIndex={0}
        key={open}
      >
        {open === "overview" && <OverviewTab />}
        {open === "area" && <AreaTab open={actions.open} />}
        {open === "sql" && <SqlTab open={actions.open} />}
        {open === "alarms" && <AlarmsTab show={actions.show} />}
      </div>
    </section>
  );
}
