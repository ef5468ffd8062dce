// A small button that copies a text and says so, and the words of the page's short messages.
import { useEffect, useState } from "preact/hooks";

import { t } from "../i18n";
import { toast } from "../state";
import { Icon } from "./icon";

let toastEnds: ReturnType<typeof setTimeout> | undefined;

/** Shows a short message for some seconds. */
export function say(text: string): void {
  clearTimeout(toastEnds);
  toast.value = text;
  toastEnds = setTimeout(() => (toast.value = null), 3500);
}

/** Copies a text; false when the browser does not allow it. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Pages over plain HTTP from another machine have no clipboard interface; the old command still works there.
    return copyBySelection(text);
  }
}

function copyBySelection(text: string): boolean {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "offscreen";
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  return done;
}

/** The button; `what` names the text for those who do not see it. */
export function CopyButton({ text, what }: { text: string; what: string }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return undefined;
    const timer = setTimeout(() => setDone(false), 1600);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = async () => {
    if (await copyText(text)) setDone(true);
    else say(t("copy.failed"));
  };
  const label = done ? t("copy.done") : t("copy.do", { what });
  return (
    <button type="button" class="icon-button small" title={label} aria-label={label} onClick={copy}>
      <Icon name={done ? "check" : "copy"} size={15} />
    </button>
  );
}
