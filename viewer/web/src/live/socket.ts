// The live line to the server. Comes in: WebSocket frames; goes out: control messages, Arrow streams untouched, and a
// state for the status bar. It reconnects for ever, waiting longer each time; a line that falls silent is cut and made
// anew. It never holds frames back and never parses Arrow.
import type { Control } from "../api/types";
import { retryDelayMs } from "./backoff";

/** Where the line stands. */
export type LinkState =
  | { phase: "connecting"; attempt: number }
  | { phase: "snapshot" }
  | { phase: "live" }
  | { phase: "waiting"; attempt: number; retryAtMs: number };

/** Who is told. */
export interface LinkEvents {
  state(state: LinkState): void;
  control(message: Control): void;
  arrow(bytes: Uint8Array): void;
}

/** Silence after which a line counts as dead. The server pings far more often. */
const SILENCE_MS = 30_000;

/** A line that reconnects by itself. */
export class LiveLink {
  readonly #url: string;
  readonly #events: LinkEvents;
  /** The instant that is asked for, RFC 3339; null: the present. */
  #instant: string | null = null;
  #socket: WebSocket | null = null;
  #attempt = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(url: string, events: LinkEvents) {
    this.#url = url;
    this.#events = events;
  }

  /** Connects now; if a try is being waited for, the wait is over. */
  connect(): void {
    if (this.#stopped || this.#socket) return;
    clearTimeout(this.#retry);
    this.#events.state({ phase: "connecting", attempt: this.#attempt });
    const socket = new WebSocket(this.#instant === null ? this.#url : atInstant(this.#url, this.#instant));
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => {
      if (this.#socket === socket) this.#take(event.data);
    };
    socket.onclose = () => this.#lost(socket);
    this.#listenForSilence();
  }

  /** Cuts the line and connects again at once, for a fresh snapshot. */
  restart(): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.connect();
  }

  /** From now on the city of an instant, or of the present, is told. */
  show(instant: string | null): void {
    const before = this.#instant;
    this.#instant = instant;
    const open = this.#socket?.readyState === WebSocket.OPEN;
    if (before !== null && instant !== null && open)
      this.#socket?.send(JSON.stringify({ datetime: instant }));
    else if (before !== instant) this.restart();
  }

  /** Ends the line for good. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#silence);
    this.#socket?.close();
    this.#socket = null;
  }

  #take(data: string | ArrayBuffer): void {
    this.#listenForSilence();
    if (typeof data !== "string") return this.#events.arrow(new Uint8Array(data));
    const message = parseControl(data);
    if (!message) return;
    if (message.type === "hello") this.#events.state({ phase: "snapshot" });
    if (message.type === "snapshot_end") {
      this.#attempt = 0;
      this.#events.state({ phase: "live" });
    }
    this.#events.control(message);
  }

  #lost(socket: WebSocket): void {
    if (this.#socket !== socket || this.#stopped) return;
    this.#socket = null;
    clearTimeout(this.#silence);
    const wait = retryDelayMs(this.#attempt, Math.random());
    this.#attempt += 1;
    this.#events.state({ phase: "waiting", attempt: this.#attempt, retryAtMs: Date.now() + wait });
    this.#retry = setTimeout(() => this.connect(), wait);
  }

  #listenForSilence(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      const socket = this.#socket;
      if (!socket) return;
      socket.close();
      // A dead peer may keep the closing handshake open for minutes; the page does not wait for it.
      this.#lost(socket);
    }, SILENCE_MS);
  }
}

/** A control message, or null for a text that is none: a newer server may say more than this page knows. */
export function parseControl(text: string): Control | null {
  try {
    const value = JSON.parse(text) as { type?: unknown };
    return typeof value?.type === "string" ? (value as Control) : null;
  } catch {
    return null;
  }
}

/** The address of `/live` for a page's address; `bbox` and `kinds` in the page's own query are passed on. */
export function liveUrl(page: { protocol: string; host: string; search: string }): string {
  const wanted = new URLSearchParams(page.search);
  const query = new URLSearchParams();
  for (const name of ["bbox", "kinds"]) {
    const value = wanted.get(name);
    if (value) query.set(name, value);
  }
  const tail = query.size > 0 ? `?${query}` : "";
  return `${page.protocol === "https:" ? "wss" : "ws"}://${page.host}/live${tail}`;
}

function atInstant(url: string, instant: string): string {
  return `${url}${url.includes("?") ? "&" : "?"}datetime=${encodeURIComponent(instant)}`;
}
