// One visit: joins the live line, the viewer, the address and the panels. Comes in: frames from the server, choices
// from people, hashes from links; goes out: calls to the viewer, changes of signals, a hash that says what is seen.
// Panels never talk to the viewer or the line themselves.
import { batch, effect } from "@preact/signals";

import { Address } from "./address";
import { calledOff, getEntity, getInfo, Refused } from "./api/client";
import type { Alert, Control, Hit } from "./api/types";
import { lang, locale, t } from "./i18n";
import { Hold } from "./live/hold";
import { LiveLink, liveUrl, type LinkState } from "./live/socket";
import { ServerClock } from "./live/clock";
import { recall, remember } from "./memory";
import type { CardActions } from "./panels/card";
import type { DockActions } from "./panels/dock";
import { copyText, say } from "./panels/copy";
import { MOST_ASKED, placeLabels } from "./panels/labels";
import { hitTitle } from "./panels/search";
import * as state from "./state";
import { past, TimeMachine } from "./time/machine";
import { Hovering } from "./viewer/hovering";
import type { ViewerHost } from "./viewer/host";
import { connectInput } from "./viewer/input";
import { add, aim, drawing, sketch, sketchText, type Place } from "./viewer/sketch";
import { printed, question, tab, timeOpen } from "./workbench";
import { Figures } from "./figures";

const TICK_MS = 500;
/** Until the first picture stands, so that the waiting ends with the waiting. */
const QUICK_TICK_MS = 50;
/** So long the panels wait for the first picture. */
const LATE_MS = 5_000;
const CARD_REFRESH_MS = 2000;
const INFO_REFRESH_MS = 30_000;
function preciseNowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** The visit. */
export class Session {
  readonly #link: LiveLink;
  readonly #hold = new Hold();
  readonly #clock = new ServerClock();
  readonly #figures = new Figures();
  readonly #hovering = new Hovering();
  readonly #address = new Address();
  #host: ViewerHost | null = null;
  #cardAsked: AbortController | null = null;
  #hadLink = false;
  #wasEmpty = false;
  #labelsDueMs = 0;

  /** Which moment is shown. */
  readonly time = new TimeMachine((atMs) => this.#showInstant(atMs));

  constructor() {
    this.#link = new LiveLink(liveUrl(location), {
      state: (link) => this.#linkChanged(link),
      control: (message) => this.#control(message),
      arrow: (bytes) => this.#arrow(bytes),
    });
    effect(() => this.#applyLook());
    effect(() => void this.#openCard(state.selected.value));
    effect(() => {
      // The open card is of the moment that is shown.
      void past.value;
      const open = state.card.peek();
      if (open) void this.#loadCard(open.id);
    });
    effect(() => {
      if (tab.value) remember("tab", tab.value);
      void [sketch.value, past.value, question.value];
      // A fresh page keeps a clean address.
      if (tab.value || past.value !== null || sketchText(sketch.value)) this.#address.touch();
      queueMicrotask(() => this.#address.write(this.#host));
    });
    effect(() => {
      if (!state.due.value || state.opened.peek()) return;
      state.opened.value = true;
      this.#host?.giveWay();
    });
    setTimeout(() => (state.late.value = true), LATE_MS);
    window.addEventListener("hashchange", () => this.#openAddress());
    setInterval(() => this.#tick(), TICK_MS);
    setInterval(() => void this.#refreshCard(), CARD_REFRESH_MS);
    setInterval(() => void this.#askInfo(), INFO_REFRESH_MS);
  }

  /** Begins asking the server; the viewer may come later. */
  begin(): void {
    void this.#askInfo();
    const wanted = this.#address.wantedInstant;
    if (wanted === null) return this.#link.connect();
    timeOpen.value = true;
    this.time.show(wanted);
  }

  /** There will be no viewer: the line is of no use. */
  giveUp(problem: state.Problem): void {
    state.problem.value = problem;
    this.#link.stop();
  }

  /** The viewer is there: everything that came meanwhile goes in. */
  attach(host: ViewerHost, canvas: HTMLCanvasElement): void {
    this.#host = host;
    state.viewing.value = true;
    host.tell((viewer) => viewer.set_theme(state.theme.value));
    host.tell((viewer) => viewer.set_time(past.value ?? undefined));
    for (const name of this.#address.off) this.#show(name, false);
    const property = recall("legend_property");
    if (property) host.tell((viewer) => viewer.set_property(property));
    const lost = this.#hold.release((bytes) => host.push(bytes));
    if (lost) this.#link.restart();
    if (state.arrived.value) {
      host.endSnapshot();
      this.#firstSight();
    }
    connectInput(canvas, host, {
      pick: (x, y) => void this.#pick(x, y),
      hover: (x, y) => {
        this.#hovering.rest(host, x, y);
        const ground = host.groundAt(x, y);
        state.pointer.value = ground;
        if (drawing.value) aim.value = ground && [ground.lon, ground.lat];
      },
      leave: () => {
        this.#hovering.leave();
        host.tell((viewer) => viewer.clear_hover());
        state.pointer.value = null;
      },
      moved: () => {
        this.#address.touch();
        this.#address.stir(host);
      },
    });
    const quick = setInterval(() => {
      this.#tick();
      if (state.built.value || state.problem.value) clearInterval(quick);
    }, QUICK_TICK_MS);
  }

  // What people do -------------------------------------------------------------------------------------------------

  choose = (hit: Hit): void => {
    if (hit.lon !== null && hit.lat !== null) this.#fly(hit.lon, hit.lat);
    state.selected.value = hit.id;
    say(t("toast.flown", { name: hitTitle(hit) }));
    document.getElementById("city")?.focus({ preventScroll: true });
  };

  home = (): void => {
    this.#address.touch();
    this.#address.stir(this.#host);
    this.#host?.tell((viewer) => viewer.fly_home());
  };

  setLayer = (name: string, on: boolean): void => {
    this.#address.setLayer(name, on);
    this.#show(name, on);
    state.layers.value = state.layers.value.map((layer) => (layer.name === name ? { ...layer, on } : layer));
    this.#address.write(this.#host);
  };

  #show(name: string, on: boolean): void {
    if (name === "labels") state.labelsOn.value = on;
    else this.#host?.tell((viewer) => viewer.set_layer(name, on));
  }

  setProperty = (property: string | null): void => {
    remember("legend_property", property ?? "");
    this.#host?.tell((viewer) => viewer.set_property(property ?? undefined));
    this.#tick();
  };

  reconnect = (): void => this.#link.connect();

  live = (): void => this.time.show(null);

  /** Where places on the ground are in the picture. */
  project = (places: Place[]): Float32Array =>
    this.#host?.onScreen(places) ?? new Float32Array(2 * places.length).fill(NaN);

  readonly dock: DockActions = {
    open: (id) => (state.selected.value = id),
    show: (alert) => this.#showAlert(alert),
    print: () => (printed.value = this.#host?.picture() ?? null),
  };

  #showAlert(alert: Alert): void {
    if (alert.lon !== null && alert.lat !== null) this.#fly(alert.lon, alert.lat);
    state.selected.value = alert.thing;
  }

  /** The line tells of an instant, or of the present, from now on; the sun stands as it stood. */
  #showInstant(atMs: number | null): void {
    this.#link.show(atMs === null ? null : new Date(atMs).toISOString());
    this.#host?.tell((viewer) => viewer.set_time(atMs ?? undefined));
  }

  focusSearch = (event?: Event): void => {
    event?.preventDefault();
    document.getElementById("search")?.focus();
  };

  readonly card: CardActions = {
    fly: (place) => this.#fly(place.lon, place.lat),
    link: () => void this.#copyLink(),
    retry: () => void this.#openCard(state.selected.value),
    select: (id) => (state.selected.value = id),
  };

  /** To the foot of a thing: its height may count from the ellipsoid, the viewer's counts from the ground. */
  #fly(lon: number, lat: number): void {
    this.#address.touch();
    this.#address.stir(this.#host);
    this.#host?.tell((viewer) => viewer.fly_to(lon, lat, 0));
  }

  async #copyLink(): Promise<void> {
    this.#address.touch();
    this.#address.write(this.#host);
    say(t((await copyText(location.href)) ? "toast.link" : "copy.failed"));
  }

  async #pick(x: number, y: number): Promise<void> {
    if (drawing.value) {
      const ground = this.#host?.groundAt(x, y);
      if (ground) add([ground.lon, ground.lat]);
      return;
    }
    const id = (await this.#host?.thingAt(x, y, "pick")) ?? null;
    this.#address.touch();
    state.selected.value = id;
  }

  // What the server says -------------------------------------------------------------------------------------------

  #linkChanged(link: LinkState): void {
    state.link.value = link;
    if (link.phase === "live") {
      if (this.#hadLink) say(t("toast.reconnected"));
      this.#hadLink = true;
      if (!state.info.value) void this.#askInfo();
    }
  }

  #arrow(bytes: Uint8Array): void {
    if (this.#host) this.#host.push(bytes);
    else this.#hold.keep(bytes);
  }

  #control(message: Control): void {
    if (message.type === "hello") {
      state.expected.value = message.entities;
      if (!this.#host) state.entities.value = message.entities;
      this.#host?.tell((viewer) => viewer.begin_snapshot());
    }
    if (message.type === "snapshot_end") {
      this.#host?.endSnapshot();
      this.time.shown();
    }
    if (message.type === "error") this.time.refused(message.description);
    if (message.type === "gap") {
      const { missed, coalesced } = state.missed.value;
      state.missed.value = { missed: missed + message.missed, coalesced: coalesced + message.coalesced };
    }
    if (message.type === "ping" && this.#clock.known) {
      state.delayMs.value = this.#clock.since(message.time_us / 1000, preciseNowMs());
    }
    if (message.type === "snapshot_end" && !state.arrived.value) {
      // The count comes with the word that all is there: a city is not called empty in between.
      batch(() => {
        state.arrived.value = true;
        this.#tick();
      });
      if (this.#host) this.#firstSight();
    }
  }

  async #askInfo(): Promise<void> {
    const sent = preciseNowMs();
    try {
      const info = await getInfo();
      const serverMs = Date.parse(info.time);
      if (!Number.isNaN(serverMs)) this.#clock.add(sent, preciseNowMs(), serverMs);
      state.info.value = info;
      state.serverReachable.value = true;
    } catch {
      // The status bar says that the line is down and when it is tried again.
      state.serverReachable.value = false;
    }
  }

  // What is seen ---------------------------------------------------------------------------------------------------

  /** The first complete picture: a link's camera, or the whole city. */
  #firstSight(): void {
    const camera = this.#address.takeCamera();
    this.#address.stir(this.#host);
    if (camera && this.#host) this.#host.camera = camera;
    const id = state.selected.value;
    if (id) this.#host?.tell((viewer) => viewer.select(id));
  }

  #applyLook(): void {
    const theme = state.theme.value;
    document.documentElement.dataset["theme"] = theme;
    document.documentElement.lang = locale.value;
    document.title = state.info.value ? `${state.info.value.name} · Urbis` : `Urbis · ${t("app.tagline")}`;
    void lang.value;
    this.#host?.tell((viewer) => viewer.set_theme(theme));
  }

  async #openCard(id: string | null): Promise<void> {
    this.#cardAsked?.abort();
    this.#cardAsked = null;
    this.#host?.tell((viewer) => viewer.select(id ?? undefined));
    state.card.value = id ? { state: "loading", id } : null;
    queueMicrotask(() => this.#address.write(this.#host));
    if (id) await this.#loadCard(id);
  }

  async #loadCard(id: string): Promise<void> {
    const stop = new AbortController();
    this.#cardAsked = stop;
    try {
      const entity = await getEntity(id, past.peek(), stop.signal);
      if (!stop.signal.aborted) state.card.value = { state: "ready", id, entity, fetchedAtMs: Date.now() };
    } catch (error) {
      if (calledOff(error) || stop.signal.aborted || state.card.peek()?.state === "ready") return;
      const gone = error instanceof Refused && error.status === 404;
      state.card.value = gone
        ? { state: "missing", id }
        : { state: "failed", id, reason: (error as Error).message };
    }
  }

  /** Things that move or measure are asked again while their card is open. */
  async #refreshCard(): Promise<void> {
    const card = state.card.peek();
    if (
      card?.state !== "ready" ||
      past.peek() !== null ||
      document.hidden ||
      state.link.peek().phase !== "live"
    )
      return;
    if (card.entity.datastreams.length > 0 || card.entity.position) await this.#loadCard(card.id);
  }

  // The address ----------------------------------------------------------------------------------------------------

  #openAddress(): void {
    const { view } = this.#address;
    for (const layer of state.layers.value) this.setLayer(layer.name, !view.off.includes(layer.name));
    if (view.camera && this.#host) this.#host.camera = view.camera;
    state.selected.value = view.selected;
    this.#address.openWorkbench(view);
    const at = this.#address.wantedInstant;
    if (at !== past.value) this.time.show(at);
  }

  /** Reads the viewer's figures, and writes the address once the camera has come to rest. */
  #tick(): void {
    const host = this.#host;
    batch(() => {
      state.nowMs.value = Date.now();
      if (host) this.#figures.read(host, performance.now());
    });
    if (!host) return;
    if (this.#wasEmpty && !state.empty.value) host.tell((viewer) => viewer.fly_home());
    this.#wasEmpty = state.empty.value;
    this.#follow(host);
  }

  /** What waits for the camera to come to rest: the address and the names. */
  #follow(host: ViewerHost): void {
    this.#address.follow(host);
    if (!state.resting.value) return;
    this.#address.write(this.#host);
    const now = performance.now();
    if (!state.labelsOn.value || now < this.#labelsDueMs) return;
    placeLabels(host.labels(MOST_ASKED));
    // In a city of a million names the question takes long; it may cost a thirtieth of the time.
    this.#labelsDueMs = now + 30 * (performance.now() - now);
  }
}
