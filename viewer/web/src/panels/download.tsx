// A button that asks a question again as a file and hands that to the browser.
import { useState } from "preact/hooks";

import { downloadSql } from "../api/client";
import { t } from "../i18n";
import { say } from "./copy";
import { Icon } from "./icon";

function save(file: Blob, name: string): void {
  const address = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** The button. */
export function Download({ sql, name }: { sql: string; name: string }) {
  const [busy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    try {
      const { file, truncated } = await downloadSql(sql, "csv");
      save(file, `${name}.csv`);
      if (truncated) say(t("download.cut", { reason: truncated }));
    } catch (error) {
      say(t("download.failed", { reason: (error as Error).message }));
    }
    setBusy(false);
  };
  return (
    <button type="button" class="button small" disabled={busy} onClick={run}>
      <Icon name="download" size={15} />
      {t("download.csv")}
    </button>
  );
}
