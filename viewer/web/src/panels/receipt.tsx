// The receipt of the selected thing: what state it is in, what it proves in plain words, and where it is.
import { receiptUrl } from "../api/client";
import type { Entity } from "../api/types";
import { number } from "../format";
import { locale, t } from "../i18n";
import { CopyButton } from "./copy";
import { Icon } from "./icon";

/** The box. */
export function ReceiptBox({ id, receipt }: { id: string; receipt: Entity["receipt"] }) {
  const registered = receipt.state === "registered";
  const words = registered
    ? t("card.receipt.registered.text", {
        index: receipt.leaf_index == null ? "–" : number(receipt.leaf_index, locale.value),
        size: receipt.log_size == null ? "–" : number(receipt.log_size, locale.value),
      })
    : t(receipt.state === "pending" ? "card.receipt.pending.text" : "card.receipt.none.text");
  const command = "urbis verify RECEIPT --key log.pub";
  return (
    <section class="receipt" data-state={receipt.state}>
      <h3>{t("card.receipt")}</h3>
      <p class="receipt-state">
        <Icon name="shield" size={17} />
        {t(`card.receipt.${receipt.state}`)}
      </p>
      <p class="quiet">{words}</p>
      {registered && (
        <>
          <a class="button" href={receiptUrl(id)} target="_blank" rel="noopener">
            {t("card.receipt.open")}
            <Icon name="external" size={15} />
          </a>
          <p class="command">
            <span class="quiet">{t("card.receipt.verify")}</span>
            <code>{command}</code>
            <CopyButton text={command} what={t("card.receipt.verify")} />
          </p>
        </>
      )}
    </section>
  );
}
