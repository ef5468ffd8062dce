// The page as a tree of panels around the canvas. Signals decide what is shown; what is done goes to the session.

import { t } from "./i18n";
import { built, card, drawing, empty, hover, layersOpen, narrow, opened, problem, resting } from "./state";
import { EntityCard } from "./panels/card";
import { Dock } from "./panels/dock";
import { Help } from "./panels/help";
import { Labels } from "./panels/labels";
import { LayerPanel } from "./panels/layers";
import { ReportHead } from "./panels/report";
import { Notices, Toast } from "./panels/notices";
import { Overlay } from "./panels/overlay";
import { StatusBar } from "./panels/status";
import { TimeBar } from "./panels/timebar";
import { TopBar } from "./panels/topbar";
import type { Session } from "./session";
import { isPast } from "./time/machine";
import { drawing as sketching } from "./viewer/sketch";
import { tab, timeOpen } from "./workbench";

function HoverLabel() {
  const what = hover.value;
  if (!what) return null;
  const x = Math.min(what.x + 16, window.innerWidth - 276);
  const y = Math.min(what.y + 18, window.innerHeight - 90);
  return (
    <div class="tooltip glass" style={{ transform: `translate(${x}px, ${y}px)` }} aria-hidden="true">
      <b>{what.title}</b>
      <span>{what.detail}</span>
    </div>
  );
}

function Panels({ session, gone }: { session: Session; gone: boolean }) {
  return (
    <>
      {!gone && !empty.value && <LayerPanel onLayer={session.setLayer} onProperty={session.setProperty} />}
      <EntityCard actions={session.card} />
      <HoverLabel />
      <Toast />
      {!gone && <ReportHead />}
      {!gone && <Dock actions={session.dock} />}
      {!gone && <TimeBar machine={session.time} />}
      {!gone && <StatusBar onRetry={session.reconnect} onLive={session.live} />}
      <Help />
    </>
  );
}

/** Everything. */
export function App({ session }: { session: Session }) {
  const sheet = narrow.value && (card.value !== null || layersOpen.value || tab.value !== null);
  const gone = problem.value !== null;
  return (
    <div
      class="app"
      data-sheet={sheet}
      data-gone={gone}
      data-dock={tab.value !== null}
      data-timebar={timeOpen.value}
      data-past={isPast.value}
    >
      {opened.value && (
        <>
          <a class="skip" href="#search" onClick={session.focusSearch}>
            {t("app.skip")}
          </a>
          <TopBar onChoose={session.choose} onHome={session.home} />
        </>
      )}
      <main>
        <canvas
          id="city"
          tabIndex={0}
          role="application"
          aria-label={t("app.canvas")}
          data-drawing={drawing.value && !gone}
          data-built={built.value && !gone}
          data-resting={resting.value}
          data-cursor={sketching.value ? "draw" : hover.value ? "pick" : "move"}
        />
        <div class="city-focus" />
        {opened.value && <Labels />}
        {opened.value && <Overlay project={session.project} />}
        <Notices />
      </main>
      {opened.value && <Panels session={session} gone={gone} />}
    </div>
  );
}
