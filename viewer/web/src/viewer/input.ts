// Mouse, touch and keys on the canvas, handed to the viewer as they come. A press that does not move is a click: the
// page picks there. A mouse that rests is hovering. Nothing is decided here about what a drag does; the viewer does.
import type { Modifiers } from "./contract";
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

/** The modifier keys of an event as the viewer wants them. */
export function modifiers(event: {
  shiftKey: boolean;
  ctrlKey: boolean;
  altKey: boolean;
  metaKey: boolean;
}): Modifiers {
  return (
    Number(event.shiftKey) |
    (Number(event.ctrlKey) << 1) |
    (Number(event.altKey) << 2) |
    (Number(event.metaKey) << 3)
  );
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
    host.tell((viewer) => viewer.pointer_down(event.pointerId, x, y, event.button, modifiers(event)));
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
    host.tell((viewer) => viewer.pointer_move(event.pointerId, x, y, modifiers(event)));
    if (!press.still) events.moved();
  });

  const end = (event: PointerEvent) => {
    const press = presses.get(event.pointerId);
    if (!press) return;
    presses.delete(event.pointerId);
    const [x, y] = at(event);
    host.tell((viewer) => viewer.pointer_up(event.pointerId, x, y));
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

/** Keys that move the camera while the city has the focus. */
const CAMERA_KEYS =
  /^(Arrow(Up|Down|Left|Right)|Key[QERF]|Equal|Minus|NumpadAdd|NumpadSubtract|PageUp|PageDown)$/;

function connectKeys(canvas: HTMLCanvasElement, host: ViewerHost, events: InputEvents): void {
  const down = new Set<string>();
  canvas.addEventListener("keydown", (event) => {
    if (!CAMERA_KEYS.test(event.code) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    down.add(event.code);
    host.tell((viewer) => viewer.key_down(event.code));
    events.moved();
  });
  const release = (code: string) => {
    if (!down.delete(code)) return;
    host.tell((viewer) => viewer.key_up(code));
    events.moved();
  };
  canvas.addEventListener("keyup", (event) => release(event.code));
  canvas.addEventListener("blur", () => [...down].forEach(release));
}
