// Anyone can use it: no serious violation of WCAG by axe-core in any state of the page, and on a phone nothing lies
// over anything else.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";

import type { AxeResults } from "axe-core";
import type { Browser, Page } from "playwright-core";

import { keep, launch, phone, someNamed, standing, visit } from "./harness";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let browser: Browser;
before(async () => (browser = await launch("webgpu")));
after(() => browser.close());

async function noViolations(page: Page, state: string): Promise<void> {
  await page.evaluate(axe);
  const results = await page.evaluate(() =>
    (window as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
  );
  const bad = results.violations
    .filter((violation) => violation.impact === "serious" || violation.impact === "critical")
    .map((violation) => `${violation.id}: ${violation.nodes.map((node) => node.html).join(" | ")}`);
  assert.deepEqual(bad, [], state);
}

for (const colorScheme of ["light", "dark"] as const) {
  test(`no serious violation, ${colorScheme}`, async () => {
    const sensor = await someNamed("sensor");
    const { page, close } = await visit(browser, `/#s=${sensor.id}`, { colorScheme });
    await standing(page);
    await page.waitForSelector(".reading-value");
    await noViolations(page, "with a card");
    await page.keyboard.press("/");
    await page.keyboard.type("a");
    await page.locator('[role="option"]').first().waitFor();
    await noViolations(page, "with hits");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await page.keyboard.press("?");
    await page.waitForSelector("dialog[open]");
    await noViolations(page, "with the help");
    await close();
  });
}

for (const colorScheme of ["light", "dark"] as const) {
  test(`no serious violation in the workbench and the bar of time, ${colorScheme}`, async () => {
    const { page, close } = await visit(browser, "/", { colorScheme });
    await standing(page);
    await page.keyboard.press("m");
    await page.keyboard.press("b");
    for (const tab of ["overview", "area", "sql", "alarms"]) {
      await page.locator(`#tab-${tab}`).click();
      assert.equal(await page.locator(`#tab-${tab}`).getAttribute("aria-selected"), "true");
      await noViolations(page, tab);
    }
    await page.keyboard.press("ArrowRight");
    assert.equal(await page.locator("#tab-overview").getAttribute("aria-selected"), "true", "tabs go round");
    await page.waitForSelector(".plain tbody tr");
    await noViolations(page, "with an answer");
    await close();
  });
}

interface Place {
  name: string;
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** The panels that are there, and the things in them that can be pressed. */
async function places(page: Page, selector: string): Promise<Place[]> {
  return page.evaluate(
    (wanted) =>
      [...document.querySelectorAll<HTMLElement>(wanted)]
        .filter((element) => element.checkVisibility())
        .map((element) => {
          const { left, top, right, bottom } = element.getBoundingClientRect();
          return { name: element.className || element.id, left, top, right, bottom };
        }),
    selector,
  );
}

function apart(all: Place[], size: { width: number; height: number }): void {
  for (const [index, a] of all.entries()) {
    const inside =
      a.left >= -0.5 && a.top >= -0.5 && a.right <= size.width + 0.5 && a.bottom <= size.height + 0.5;
    assert.ok(inside, `${a.name} leaves the window: ${JSON.stringify(a)}`);
    for (const b of all.slice(index + 1)) {
      const lie =
        a.left < b.right - 0.5 && b.left < a.right - 0.5 && a.top < b.bottom - 0.5 && b.top < a.bottom - 0.5;
      assert.ok(!lie, `${a.name} and ${b.name} lie over each other`);
    }
  }
}

const panels = ".topbar, .layers, .card, .statusbar";
const controls = ".topbar .icon-button, .topbar input, .language, h1, .brand .badge";

for (const [name, size] of [
  ["phone", { width: 390, height: 844 }],
  ["small-phone", { width: 320, height: 568 }],
  ["tablet", { width: 820, height: 1180 }],
] as const) {
  test(`nothing lies over anything else on a ${name}`, async () => {
    const building = await someNamed("building");
    const { page, close } = await visit(browser, "/", { ...phone, viewport: size });
    await standing(page);
    await keep(page, name);
    apart(await places(page, panels), size);
    apart(await places(page, controls), size);
    apart(await places(page, ".statusbar > *:not(.spacer)"), size);
    if (name !== "tablet") {
      await page.locator(".layers-button").tap();
      await page.waitForTimeout(400);
      await keep(page, `${name}-layers`);
      apart(await places(page, panels), size);
    }
    await page.goto(`${page.url().split("#")[0]}#s=${building.id}`);
    await page.waitForSelector('.card[data-state="ready"]');
    await page.waitForTimeout(400);
    await keep(page, `${name}-card`);
    apart(await places(page, panels), size);
    const wider = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
    assert.equal(wider, false, "the page scrolls sideways");
    for (const button of await places(page, ".card .icon-button, .tools .icon-button")) {
      assert.ok(
        button.right - button.left >= 24 && button.bottom - button.top >= 24,
        `${button.name} is small`,
      );
    }
    await close();
  });
}
