// Which language the page speaks and how a string is looked up. Comes in: a key and the words to fill in; goes out:
// text. The choice is remembered; before one is made, the browser's own language decides.
import { computed, signal } from "@preact/signals";

import { recall, remember } from "../memory";
import { en, type Key } from "./en";
import { zh } from "./zh";

export type { Key } from "./en";

/** The languages there are. */
export type Lang = "en" | "zh";

const tables: Record<Lang, Record<Key, string>> = { en, zh };

/** The language a browser asks for: Chinese of any kind, or else English. */
export function preferredLang(wanted: readonly string[]): Lang {
  for (const tag of wanted) {
    if (/^zh\b/i.test(tag)) return "zh";
    if (/^en\b/i.test(tag)) return "en";
  }
  return "en";
}

function firstLang(): Lang {
  const saved = recall("lang");
  if (saved === "en" || saved === "zh") return saved;
  return typeof navigator === "undefined" ? "en" : preferredLang(navigator.languages ?? [navigator.language]);
}

/** The language now. */
export const lang = signal<Lang>(firstLang());

/** The tag for `<html lang>` and for `Intl`. */
export const locale = computed(() => (lang.value === "zh" ? "zh-CN" : "en-GB"));

/** Switches to the other language and remembers it. */
export function toggleLang(): void {
  lang.value = lang.value === "zh" ? "en" : "zh";
  remember("lang", lang.value);
}

/** Fills `{name}` in a text; a word that is not given stays as it is, so that it is seen. */
export function fill(text: string, words: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(words[name] ?? whole));
}

/** The string under a key in the present language. Read inside a component, it follows the language. */
export function t(key: Key, words: Record<string, string | number> = {}): string {
  return fill(tables[lang.value][key], words);
}

type Family = "kind" | "class" | "layer" | "property" | "attribute" | "height";

/** The string under `family.name`, if there is one. */
export function known(family: Family, name: string): string | null {
  const key = `${family}.${name}`;
  return key in en ? t(key as Key) : null;
}

/** The string under `family.name` if there is one; otherwise the name itself made readable. */
export function named(family: Family, name: string): string {
  return known(family, name) ?? readable(name);
}

/** `roof_type`, `roofType` and `roof:type` as `Roof type`. */
export function readable(name: string): string {
  const words = name
    .replace(/([a-z\d])([A-Z])/g, "$1 $2")
    .replace(/[_:.\s]+/g, " ")
    .trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
