// One question to the server and what became of it, for panels: the newest question counts, an older one is called off.
import { useEffect, useState } from "preact/hooks";

import { askSql, calledOff } from "../api/client";
import type { Row } from "../api/types";

/** What became of a question. */
export type Asked =
  | { state: "idle" }
  | { state: "busy"; rows: Row[] | null }
  | { state: "rows"; rows: Row[]; truncated: string | null; ms: number }
  | { state: "failed"; reason: string };

/** Asks whenever the text or `again` changes; null asks nothing. While it is asked, the last rows stay. */
export function useSql(sql: string | null, limit: number, again: unknown = 0): Asked {
  const [asked, setAsked] = useState<Asked>({ state: "idle" });
  useEffect(() => {
    if (sql === null) {
      setAsked({ state: "idle" });
      return undefined;
    }
    const stop = new AbortController();
    const from = performance.now();
    setAsked((before) => ({ state: "busy", rows: before.state === "rows" ? before.rows : null }));
    askSql(sql, limit, stop.signal).then(
      ({ rows, truncated }) => setAsked({ state: "rows", rows, truncated, ms: performance.now() - from }),
      (error: unknown) => {
        if (!calledOff(error)) setAsked({ state: "failed", reason: (error as Error).message });
      },
    );
    return () => stop.abort();
  }, [sql, limit, again]);
  return asked;
}

/** The rows that can be shown now. */
export function rowsOf(asked: Asked): Row[] | null {
  return asked.state === "rows" || asked.state === "busy" ? asked.rows : null;
}
