// What stands in the middle of the page when there is no city to see: still loading, none there, no GPU, or stopped;
// and the short message at the bottom.
import type { ComponentChildren } from "preact";

import { t } from "../i18n";
import {
  arrived,
  built,
  empty,
  problem,
  received,
  serverReachable,
  toast,
  viewing,
  type Problem,
} from "../state";
import { CopyButton } from "./copy";
import { Icon } from "./icon";

function Notice(props: { title: string; children: ComponentChildren; tone: "calm" | "bad"; id: string }) {
  return (
    <section
      class="notice glass"
      role={props.tone === "bad" ? "alert" : "region"}
      aria-labelledby="notice-title"
      data-notice={props.id}
    >
      {props.tone === "bad" && (
        <span class="notice-icon">
          <Icon name="alert" size={26} />
        </span>
      )}
      <h2 id="notice-title">{props.title}</h2>
      {props.children}
    </section>
  );
}

function Command({ text }: { text: string }) {
  return (
    <p class="command">
      <code>{text}</code>
      <CopyButton text={text} what={text} />
    </p>
  );
}

function NoGpu() {
  return (
    <Notice id="no-gpu" tone="bad" title={t("gpu.title")}>
      <p>{t("gpu.text")}</p>
      <ul>
        <li>{t("gpu.update")}</li>
        <li>{t("gpu.hardware")}</li>
        <li>{t("gpu.remote")}</li>
        <li>{t("gpu.blocked")}</li>
      </ul>
      <a class="button" href="/ogc">
        {t("gpu.api")}
        <Icon name="external" size={15} />
      </a>
    </Notice>
  );
}

function withWebGl(): string {
  const query = new URLSearchParams(location.search);
  query.set("backend", "webgl");
  return `${location.pathname}?${query}${location.hash}`;
}

function Broken({ what }: { what: Exclude<Problem, { kind: "no_gpu" }> }) {
  const forced = new URLSearchParams(location.search).get("backend") === "webgl";
  return (
    <Notice id="broken" tone="bad" title={t("problem.title")}>
      <p>{t(what.kind === "stopped" ? "problem.stopped" : "problem.viewer")}</p>
      <details>
        <summary>{t("problem.detail")}</summary>
        <pre tabIndex={0}>{what.detail}</pre>
      </details>
      <p class="buttons">
        <button type="button" class="button primary" onClick={() => location.reload()}>
          <Icon name="refresh" size={16} />
          {t("problem.reload")}
        </button>
        {!forced && (
          <a class="button" href={withWebGl()}>
            {t("problem.webgl")}
          </a>
        )}
      </p>
    </Notice>
  );
}

function Empty() {
  return (
    <Notice id="empty" tone="calm" title={t("empty.title")}>
      <p>{t("empty.text")}</p>
      <Command text={`urbis import city.city.json --server ${location.origin}`} />
      <p class="quiet">{t("empty.formats")}</p>
      <p class="quiet">{t("empty.demo")}</p>
      <Command text="urbis demo" />
    </Notice>
  );
}

/** The notice that is due, if any. */
export function Notices() {
  const what = problem.value;
  if (what?.kind === "no_gpu") return <NoGpu />;
  if (what) return <Broken what={what} />;
  if (empty.value) return <Empty />;
  if (built.value) return null;
  return <Loading />;
}

/** Plain text and a plain bar: without a graphics chip a round corner or a turning wheel is time taken from the city. */
function Loading() {
  const text = !serverReachable.value
    ? "problem.server"
    : !viewing.value
      ? "loading.viewer"
      : arrived.value
        ? "loading.picture"
        : "loading.city";
  return (
    <div class="loading">
      <p role="status">{t(text)}</p>
      <div
        class="loading-bar"
        role="progressbar"
        aria-label={t("loading.city")}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(received.value * 100)}
      >
        <div style={{ width: `${received.value * 100}%` }} />
      </div>
    </div>
  );
}

/** The short message. */
export function Toast() {
  return (
    <div class="toast-place" role="status" aria-live="polite">
      {toast.value && <p class="toast glass">{toast.value}</p>}
    </div>
  );
}
