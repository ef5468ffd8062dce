// Mouse, touch and keys on the canvas, handed to the viewer as they come. A press that does not move is a click: the
// page picks there. A mouse that rests is hovering. Nothing is decided here about what a drag does; the viewer does.
import type { ViewerHost } from "./host";

/** Movement in CSS pixels that turns a click into a drag; a finger is less steady than a mouse. */
const STILL_PX = { mouse: 4, touch: 10 };
const LINE_PX = 16;

/** What the page wants to know. */
export interface InputEvents {
  pick(x: number, y: number): void;
  hover(x: number, y: number): void;
  leave(): void;
  moved(): void;
}

interface Press {
  x: number;
  y: number;
  still: boolean;
}

/** A wheel step in pixels, whatever the browser counts in. */
export function wheelPixels(event: { deltaY: number; deltaMode: number }, pageHeight: number): number {
  const unit = event.deltaMode === 1 ? LINE_PX : event.deltaMode === 2 ? pageHeight : 1;
  return event.deltaY * unit;
}

/** Connects the canvas with the viewer. */
export function connectInput(canvas: HTMLCanvasElement, host: ViewerHost, events: InputEvents): void {
  const presses = new Map<number, Press>();
  const at = (event: { clientX: number; clientY: number }): [number, number] => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  canvas.addEventListener("pointerdown", (event) => {
    const [x, y] = at(event);
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    presses.set(event.pointerId, { x, y, still: presses.size === 0 });
    if (presses.size > 1) for (const press of presses.values()) press.still = false;
    events.leave();
    host.tell((viewer) =>
      viewer.pointer_down(event.pointerId, x, y, event.button, event.shiftKey || event.ctrlKey),
    );
  });

  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = at(event);
    const press = presses.get(event.pointerId);
    if (!press) {
      if (event.pointerType === "mouse") events.hover(x, y);
      return;
    }
    const limit = event.pointerType === "mouse" ? STILL_PX.mouse : STILL_PX.touch;
    if (Math.hypot(x - press.x, y - press.y) > limit) press.still = false;
    host.tell((viewer) => viewer.pointer_move(event.pointerId, x, y));
    if (!press.still) events.moved();
  });

  const end = (event: PointerEvent) => {
    const press = presses.get(event.pointerId);
    if (!press) return;
    presses.delete(event.pointerId);
    const [x, y] = at(event);
    host.tell((viewer) => viewer.pointer_up(event.pointerId));
    if (press.still && event.type === "pointerup" && event.button === 0) events.pick(x, y);
    events.moved();
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  canvas.addEventListener("pointerleave", () => events.leave());
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());

  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const [x, y] = at(event);
      host.tell((viewer) => viewer.wheel(x, y, wheelPixels(event, canvas.clientHeight)));
      events.moved();
    },
    { passive: false },
  );

  connectKeys(canvas, host, events);
}

/** Keys of the page itself, which the viewer must not take; the rest of what it knows it may. */
const PAGE_KEYS = new Set(["KeyH", "KeyL", "KeyT", "KeyM", "KeyB", "Slash", "Escape", "Enter", "Backspace"]);
/** The number pad says the same as the row above the letters. */
const SAME: Record<string, string> = { NumpadAdd: "Equal", NumpadSubtract: "Minus" };

function connectKeys(canvas: HTMLCanvasElement, host: ViewerHost, events: InputEvents): void {
  canvas.addEventListener("keydown", (event) => {
    if (PAGE_KEYS.has(event.code) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!host.key(SAME[event.code] ?? event.code, true)) return;
    event.preventDefault();
    events.moved();
  });
  canvas.addEventListener("keyup", (event) => {
    if (host.key(SAME[event.code] ?? event.code, false)) events.moved();
  });
  canvas.addEventListener("blur", () => host.tell((viewer) => viewer.release()));
}
