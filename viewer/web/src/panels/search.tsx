// The search box: a combobox whose list of hits is walked with the arrow keys. Comes in: what is typed; goes out: the
// hit that was chosen. Asks the server a moment after the last key, and only the newest answer counts.
import { useEffect, useRef, useState } from "preact/hooks";

import { calledOff, search } from "../api/client";
import type { Hit } from "../api/types";
import { named, t } from "../i18n";
import { past } from "../time/machine";
import { Icon, type IconName } from "./icon";

const WAIT_MS = 140;

type Answer =
  | { state: "idle" }
  | { state: "busy" }
  | { state: "hits"; hits: Hit[]; q: string }
  | { state: "failed"; reason: string };

const icons: Record<string, IconName> = {
  building: "building",
  building_part: "building",
  road: "road",
  bridge: "road",
  water: "water",
  vegetation: "tree",
  landuse: "tree",
  sensor: "radio",
  vehicle: "car",
  pedestrian: "feet",
  code: "crosshair",
};

/** The icon of a kind of thing. */
export function kindIcon(kind: string): IconName {
  return icons[kind] ?? "pin";
}

/** What a hit is called. */
export function hitTitle(hit: Hit): string {
  return hit.name || t("card.unnamed", { kind: named("kind", hit.kind) });
}

function hitDetail(hit: Hit): string {
  if (hit.kind === "code") return t("search.code");
  const how = hit.match && hit.match !== "name" ? t(`search.match.${hit.match}`) : null;
  const words = [
    hit.other_names?.[0] ?? null,
    named("kind", hit.kind),
    hit.class && hit.class !== hit.kind ? named("class", hit.class) : null,
    how,
  ];
  return words.filter(Boolean).join(" · ");
}

function useAnswer(q: string): Answer {
  const [answer, setAnswer] = useState<Answer>({ state: "idle" });
  useEffect(() => {
    if (q.trim() === "") {
      setAnswer({ state: "idle" });
      return undefined;
    }
    const stop = new AbortController();
    const timer = setTimeout(async () => {
      setAnswer((before) => (before.state === "hits" ? before : { state: "busy" }));
      try {
        setAnswer({ state: "hits", hits: await search(q.trim(), past.value, stop.signal), q: q.trim() });
      } catch (error) {
        if (!calledOff(error)) setAnswer({ state: "failed", reason: (error as Error).message });
      }
    }, WAIT_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [q]);
  return answer;
}

/** The box and its list. */
export function SearchBox({ onChoose }: { onChoose: (hit: Hit) => void }) {
  const [q, setQ] = useState("");
  const [open, setOpen] = useState(false);
  const [active, setActive] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const answer = useAnswer(q);
  const hits = answer.state === "hits" ? answer.hits : [];
  const shown = open && answer.state !== "idle";

  useEffect(() => setActive(0), [answer]);
  useEffect(() => {
    document.getElementById(`hit-${active}`)?.scrollIntoView({ block: "nearest" });
  }, [active]);

  const choose = (hit: Hit | undefined) => {
    if (!hit) return;
    setOpen(false);
    input.current?.blur();
    onChoose(hit);
  };
  const clear = () => {
    setQ("");
    input.current?.focus();
  };
  const step = (by: number) => setActive((active + by + hits.length) % Math.max(1, hits.length));
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return; // An input method for Chinese has the keys.
    const act: Record<string, () => void> = {
      ArrowDown: () => step(1),
      ArrowUp: () => step(-1),
      Enter: () => choose(hits[active]),
      Escape: () => (q === "" ? input.current?.blur() : setQ("")),
    };
    const chosen = act[event.key];
    if (!chosen) return;
    event.preventDefault();
    event.stopPropagation();
    chosen();
  };

  return (
    <div
      class="search"
      role="search"
      onFocusOut={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOpen(false);
      }}
    >
      <Icon name="search" />
      <input
        ref={input}
        id="search"
        type="text"
        role="combobox"
        autocomplete="off"
        spellcheck={false}
        enterkeyhint="search"
        aria-label={t("search.label")}
        aria-autocomplete="list"
        aria-expanded={shown}
        aria-controls="search-list"
        aria-activedescendant={shown && hits.length > 0 ? `hit-${active}` : undefined}
        placeholder={t("search.placeholder")}
        value={q}
        onInput={(event) => {
          setQ(event.currentTarget.value);
          setOpen(true);
        }}
        onFocus={() => setOpen(true)}
        onKeyDown={onKeyDown}
      />
      {q === "" ? (
        <kbd class="search-key" aria-hidden="true">
          /
        </kbd>
      ) : (
        <button type="button" class="icon-button small" aria-label={t("search.clear")} onClick={clear}>
          <Icon name="close" size={16} />
        </button>
      )}
      <div class="search-drop glass" hidden={!shown}>
        <ul id="search-list" role="listbox" aria-label={t("search.label")}>
          {hits.map((hit, index) => (
            <li
              key={hit.id ?? hit.name}
              id={`hit-${index}`}
              role="option"
              aria-selected={index === active}
              onPointerDown={(event) => event.preventDefault()}
              onPointerMove={() => setActive(index)}
              onClick={() => choose(hit)}
            >
              <Icon name={kindIcon(hit.kind)} />
              <span class="hit-title">{hitTitle(hit)}</span>
              <span class="hit-detail">{hitDetail(hit)}</span>
            </li>
          ))}
        </ul>
        <p class="search-note" role="status">
          {note(answer)}
        </p>
      </div>
    </div>
  );
}

function note(answer: Answer): string {
  if (answer.state === "busy") return t("search.busy");
  if (answer.state === "failed") return t("search.failed", { reason: answer.reason });
  if (answer.state !== "hits") return "";
  return answer.hits.length === 0
    ? t("search.none", { q: answer.q })
    : t("search.results", { n: answer.hits.length });
}
