// The help overlay: how to move with mouse, touch and keys. A modal dialog of the browser, so focus stays inside and
// Escape closes it.
import { useEffect, useRef } from "preact/hooks";

import { t, type Key } from "../i18n";
import { helpOpen } from "../state";
import { Icon } from "./icon";

const mouse: [Key, Key][] = [
  ["help.drag.key", "help.drag"],
  ["help.orbit.key", "help.orbit"],
  ["help.wheel.key", "help.wheel"],
  ["help.click.key", "help.click"],
];

const touch: [Key, Key][] = [
  ["help.touch.move.key", "help.touch.move"],
  ["help.touch.pinch.key", "help.touch.pinch"],
  ["help.touch.tap.key", "help.touch.tap"],
];

const keys: [string[], Key][] = [
  [["←", "↑", "↓", "→"], "help.arrows"],
  [["Q", "E"], "help.turn"],
  [["R", "F"], "help.tilt"],
  [["+", "−"], "help.zoom"],
  [["/"], "help.search"],
  [["H"], "help.home"],
  [["L"], "help.layers"],
  [["B"], "help.dock"],
  [["M"], "help.time"],
  [["T"], "help.theme"],
  [["Esc"], "help.escape"],
  [["?"], "help.help"],
];

function Gestures({ title, rows }: { title: Key; rows: [Key, Key][] }) {
  return (
    <section>
      <h3>{t(title)}</h3>
      <dl class="gestures">
        {rows.map(([how, what]) => (
          <div key={how}>
            <dt>{t(how)}</dt>
            <dd>{t(what)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** The overlay. */
export function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  const open = helpOpen.value;
  useEffect(() => {
    const element = dialog.current;
    if (open && !element?.open) element?.showModal();
    if (!open && element?.open) element.close();
  }, [open]);
  const close = () => (helpOpen.value = false);
  return (
    <dialog
      ref={dialog}
      class="help glass"
      aria-labelledby="help-title"
      onClose={close}
      onClick={(event) => event.target === event.currentTarget && close()}
    >
      <div class="help-inner">
        <header class="panel-head">
          <h2 id="help-title">{t("help.title")}</h2>
          <button type="button" class="icon-button small" aria-label={t("help.close")} onClick={close}>
            <Icon name="close" size={18} />
          </button>
        </header>
        <div class="help-columns">
          <div>
            <Gestures title="help.mouse" rows={mouse} />
            <Gestures title="help.touch" rows={touch} />
          </div>
          <section>
            <h3>{t("help.keys")}</h3>
            <dl class="keys">
              {keys.map(([caps, what]) => (
                <div key={what}>
                  <dt>
                    {caps.map((cap) => (
                      <kbd key={cap}>{cap}</kbd>
                    ))}
                  </dt>
                  <dd>{t(what)}</dd>
                </div>
              ))}
            </dl>
          </section>
        </div>
        <p class="quiet">{t("help.link")}</p>
      </div>
    </dialog>
  );
}
