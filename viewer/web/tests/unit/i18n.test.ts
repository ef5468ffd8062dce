// Both languages say the same things: same keys, same words to fill in, nothing left in the other language.
import assert from "node:assert/strict";
import { test } from "node:test";

import { en } from "../../src/i18n/en";
import { fill, preferredLang, readable } from "../../src/i18n/index";
import { zh } from "../../src/i18n/zh";

const words = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]).sort();

test("both languages have the same keys", () => {
  assert.deepEqual(Object.keys(zh).sort(), Object.keys(en).sort());
  assert.ok(Object.keys(en).length > 150);
});

test("both languages fill in the same words", () => {
  for (const key of Object.keys(en) as (keyof typeof en)[]) {
    assert.deepEqual(words(zh[key]), words(en[key]), key);
  }
});

test("no string is empty and Chinese ones are Chinese", () => {
  const latin = new Set(["bar.language", "help.escape", "dock.sql", "download.csv", "sql.placeholder"]);
  for (const key of Object.keys(en) as (keyof typeof en)[]) {
    assert.notEqual(en[key].trim(), "", key);
    const chinese = /[\u4e00-\u9fff]/.test(zh[key]);
    assert.ok(chinese || latin.has(key), `${key}: ${zh[key]}`);
    if (key !== "bar.language") assert.ok(!/[\u4e00-\u9fff]/.test(en[key]), `${key}: ${en[key]}`);
  }
});

test("every key is used by the page", async () => {
  const { readdirSync, readFileSync } = await import("node:fs");
  const root = new URL("../../src/", import.meta.url);
  const files = readdirSync(root, { recursive: true }).map(String);
  const source = files
    .filter((name) => /\.tsx?$/.test(name) && !/i18n.(en|zh)/.test(name))
    .map((name) => readFileSync(new URL(name, root), "utf8"))
    .join("\n");
  // Looked up by a name that comes with the data, or by a text such as `dock.${name}`.
  const families = ["kind", "class", "layer", "property", "attribute", "height"];
  const prefixes = [...families, ...[...source.matchAll(/`([a-z_.]+)\.\$\{/g)].map(([, prefix]) => prefix)];
  const looked = (key: string) => prefixes.some((prefix) => key.startsWith(`${prefix}.`));
  const unused = Object.keys(en).filter((key) => !looked(key) && !source.includes(`"${key}"`));
  assert.deepEqual(unused, []);
});

test("a word that is not given stays to be seen", () => {
  assert.equal(fill("{n} of {size}", { n: 3 }), "3 of {size}");
});

test("the browser's first known language decides", () => {
  assert.equal(preferredLang(["zh-TW", "en"]), "zh");
  assert.equal(preferredLang(["fr", "en-US", "zh"]), "en");
  assert.equal(preferredLang(["fr", "zh-CN"]), "zh");
  assert.equal(preferredLang([]), "en");
});

test("names without a translation become readable", () => {
  assert.equal(readable("roof_type"), "Roof type");
  assert.equal(readable("addr:street"), "Addr street");
  assert.equal(readable("roofType"), "Roof Type");
});
