// The label beside the pointer: asks the viewer what lies there, one question at a time, and the server for its name
// once the pointer has rested on it a moment. Names are remembered, the newest two hundred of them.
import { effect } from "@preact/signals";

import { getEntity } from "../api/client";
import { locale, named, readable, t } from "../i18n";
import { namesOf } from "../panels/card";
import { hover } from "../state";
import { past } from "../time/machine";
import type { ViewerHost } from "./host";

const REST_MS = 120;
const MOST_NAMES = 200;

interface Name {
  title: string | null;
  kind: string;
  class: string;
}

/** Follows one pointer. */
export class Hovering {
  /** Of one moment: at another one a thing may have been called otherwise. */
  readonly #names = new Map<string, Name>();
  #next: { x: number; y: number } | null = null;
  #asking = false;
  #over: string | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    effect(() => {
      void past.value;
      this.#names.clear();
    });
  }

  /** The pointer is at a place. */
  rest(host: ViewerHost, x: number, y: number): void {
    this.#next = { x, y };
    if (!this.#asking) void this.#ask(host);
  }

  /** The pointer is gone, or does something else. */
  leave(): void {
    this.#next = null;
    this.#show(null, 0, 0);
  }

  async #ask(host: ViewerHost): Promise<void> {
    this.#asking = true;
    while (this.#next) {
      const { x, y } = this.#next;
      this.#next = null;
      const id = await host.thingAt(x, y, "hover");
      if (this.#next === null || id !== null) this.#show(id, x, y);
    }
    this.#asking = false;
  }

  #show(id: string | null, x: number, y: number): void {
    if (id !== this.#over) {
      clearTimeout(this.#timer);
      this.#over = id;
      hover.value = null;
      if (id) this.#timer = setTimeout(() => void this.#learn(id, x, y), REST_MS);
    }
    const shown = hover.peek();
    if (id && shown?.id === id) hover.value = { ...shown, x, y };
  }

  async #learn(id: string, x: number, y: number): Promise<void> {
    const name = this.#names.get(id) ?? (await this.#fetch(id));
    if (!name || this.#over !== id) return;
    const kind = named("kind", name.kind);
    const title = name.title || t("card.unnamed", { kind });
    const detail = [
      readable(kind),
      name.class && name.class !== name.kind ? named("class", name.class) : null,
    ];
    hover.value = { id, x, y, title, detail: detail.filter(Boolean).join(" · ") };
  }

  async #fetch(id: string): Promise<Name | null> {
    try {
      const entity = await getEntity(id, past.peek());
      const name = {
        title: namesOf(entity, locale.value)[0] ?? null,
        kind: entity.kind,
        class: entity.class,
      };
      this.#names.set(id, name);
      const oldest = this.#names.keys().next();
      if (this.#names.size > MOST_NAMES && !oldest.done) this.#names.delete(oldest.value);
      return name;
    } catch {
      // A label that cannot be had is not worth a message.
      return null;
    }
  }
}
