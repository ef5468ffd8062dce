// What people do: click, search, switch, send a link, use the keyboard. One browser, one server with a living city.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import type { Browser } from "playwright-core";

import type { Entity } from "../../src/api/types";
import { ask, difference, keep, launch, open, picture, resting, someNamed, standing, visit } from "./harness";

let browser: Browser;
before(async () => (browser = await launch("webgpu")));
after(() => browser.close());

test("search by name flies there and selects", async () => {
  const wanted = await someNamed("building");
  const { page, close } = await visit(browser);
  await standing(page);
  await page.keyboard.press("/");
  await page.keyboard.type(wanted.name);
  await page.locator('[role="option"]').first().waitFor();
  await keep(page, "search");
  const titles = await page.locator(".hit-title").allInnerTexts();
  const row = titles.indexOf(wanted.name);
  assert.ok(row >= 0, `${wanted.name} is not among ${titles.join(", ")}`);
  for (let step = 0; step < row; step += 1) await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForSelector('.card[data-state="ready"]');
  const shown = await page.locator(".card-title").innerText();
  assert.ok(shown.includes(wanted.name), `the card says ${shown}`);
  assert.equal(await page.locator(".facts code").first().innerText(), wanted.id);
  const hash = await resting(page);
  const camera = /v=([-\d.,]+)/.exec(hash)?.[1]?.split(",").map(Number) ?? [];
  assert.ok(Math.abs((camera[0] ?? 0) - (wanted.lon ?? 0)) < 0.02, `the camera is at ${camera.join()}`);
  await keep(page, "building");
  await close();
});

test("a click on a building opens its card with codes, and empty ground closes it", async () => {
  const wanted = await someNamed("building");
  const { page, close } = await visit(browser, `/#s=${wanted.id}`);
  await standing(page);
  await page.locator('.card [aria-label="Fly there"]').click();
  await resting(page);
  await page.keyboard.press("Escape");
  await page.waitForSelector(".card", { state: "detached" });
  // The foot of the thing flown to is in the middle of the picture; a tree may stand before it, its walls rise above.
  let entity = { kind: "" } as Entity;
  for (let y = 320; y >= 200 && !/building/.test(entity.kind); y -= 20) {
    await page.mouse.click(500, y);
    await page.waitForSelector('.card[data-state="ready"]');
    const id = await page.locator(".facts code").first().innerText();
    entity = await ask<Entity>(`/api/entities/${id}`);
    if (!/building/.test(entity.kind)) {
      await page.keyboard.press("Escape");
      await page.waitForSelector(".card", { state: "detached" });
    }
  }
  assert.match(entity.kind, /building/);
  const codes = await page.locator(".codes code").allInnerTexts();
  assert.ok(codes.length >= 4, `codes: ${codes.join(", ")}`);
  assert.ok(codes.includes(entity.codes?.beidou ?? "") && codes.includes(entity.codes?.h3 ?? ""));
  await page.locator('.codes [aria-label="Copy GeoSOT"]').click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), entity.codes?.geosot);
  assert.equal(await page.locator(".receipt").getAttribute("data-state"), entity.receipt.state);
  await page.locator('[aria-label="Close the details"]').click();
  await page.waitForSelector(".card", { state: "detached" });
  await close();
});

test("a sensor's card shows its readings and they go on", async () => {
  const sensor = await someNamed("sensor");
  const { page, close } = await visit(browser, `/#s=${sensor.id}`);
  await standing(page);
  await page.waitForSelector(".reading-value");
  await page.waitForSelector(".chart canvas");
  await page.waitForTimeout(600);
  await keep(page, "sensor");
  const entity = await ask<Entity>(`/api/entities/${sensor.id}`);
  assert.equal(await page.locator(".reading").count(), entity.datastreams.length);
  const label = await page.locator(".chart").getAttribute("aria-label");
  assert.match(label ?? "", /readings from/);
  await close();
});

test("a layer switch changes the picture, and the address says so", async () => {
  const { page, close } = await visit(browser);
  await standing(page);
  for (const name of ["vehicles", "pedestrians"]) {
    const moving = page.locator(`[data-layer="${name}"]`);
    if (await moving.count()) await moving.uncheck({ force: true });
  }
  await page.waitForTimeout(1500);
  const full = await picture(page, open);
  await page.locator('[data-layer="buildings"]').uncheck({ force: true });
  await page.waitForTimeout(2000);
  const bare = await picture(page, open);
  await keep(page, "layers-off");
  const changed = await difference(page, full, bare);
  assert.ok(changed > 0.03, `only ${(changed * 100).toFixed(2)} % of the picture changed`);
  assert.match(new URL(page.url()).hash, /off=[^&]*buildings/);
  await page.reload();
  await standing(page);
  assert.equal(await page.locator('[data-layer="buildings"]').isChecked(), false);
  await close();
});

test("the language switch changes every panel and is remembered", async () => {
  const { page, close } = await visit(browser);
  await standing(page);
  assert.equal(await page.locator("html").getAttribute("lang"), "en-GB");
  await page.locator(".language").click();
  assert.equal(await page.locator("html").getAttribute("lang"), "zh-CN");
  assert.equal(await page.locator("#layers-title").innerText(), "图层");
  const left = await page.locator(".layers, .statusbar, .topbar").allInnerTexts();
  assert.doesNotMatch(left.join(" "), /Layers|entities|updates|Buildings|Roads|Vehicles/);
  await page.reload();
  await standing(page);
  assert.equal(await page.locator("#layers-title").innerText(), "图层");
  await close();
});

test("a Chinese browser is greeted in Chinese, and night is dark", async () => {
  const building = await someNamed("building");
  const options = { locale: "zh-CN", colorScheme: "dark" } as const;
  const { page, close } = await visit(browser, `/#s=${building.id}`, options);
  await standing(page);
  await page.waitForSelector('.card[data-state="ready"]');
  assert.equal(await page.locator("#layers-title").innerText(), "图层");
  assert.equal(await page.locator("html").getAttribute("data-theme"), "night");
  const night = await picture(page, open);
  await keep(page, "night-zh");
  await page.keyboard.press("t");
  await page.waitForTimeout(2500);
  assert.equal(await page.locator("html").getAttribute("data-theme"), "day");
  assert.ok((await difference(page, night, await picture(page, open))) > 0.3, "day looks like night");
  await close();
});

test("everything can be reached with the keyboard, and the focus is seen", async () => {
  const { page, close } = await visit(browser);
  await standing(page);
  const reached: string[] = [];
  for (let step = 0; step < 40; step += 1) {
    await page.keyboard.press("Tab");
    const focus = await page.evaluate(() => {
      const element = document.activeElement as HTMLElement;
      const mark = (one: Element | null) => {
        const style = one ? getComputedStyle(one) : null;
        return (
          style !== null &&
          (style.outlineStyle !== "none" ||
            style.boxShadow !== "none" ||
            (one?.matches(":focus-within") === true && style.borderTopColor !== "rgba(0, 0, 0, 0)"))
        );
      };
      const box = element.matches("input") ? element.parentElement : element;
      const seen = mark(element) || mark(element.nextElementSibling) || mark(box);
      const name =
        element.dataset["layer"] ?? (element.id || element.getAttribute("aria-label")) ?? element.className;
      return { name: element === document.body ? "" : name || element.className, seen };
    });
    if (focus.name === "") break;
    assert.ok(focus.seen, `the focus on ${focus.name} cannot be seen`);
    reached.push(focus.name);
  }
  for (const wanted of [
    "skip",
    "search",
    "Layers",
    "Show the whole city",
    "Keys and help",
    "city",
    "buildings",
  ]) {
    assert.ok(reached.includes(wanted), `${wanted} is not among ${reached.join(", ")}`);
  }
  await page.keyboard.press("Escape");
  await page.keyboard.press("?");
  await page.waitForSelector("dialog[open]");
  await keep(page, "help");
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog[open]", { state: "detached" }).catch(() => {});
  assert.equal(await page.locator("dialog[open]").count(), 0);
  await page.locator("#city").focus();
  const still = await picture(page, open);
  await page.keyboard.down("KeyQ");
  await page.waitForTimeout(5000);
  await page.keyboard.up("KeyQ");
  await resting(page);
  assert.ok((await difference(page, still, await picture(page, open))) > 0.02, "the camera did not turn");
  await close();
});

test("a link opens the same view", async () => {
  const building = await someNamed("building");
  const first = await visit(browser, `/#s=${building.id}`);
  await standing(first.page);
  await first.page.locator('.card [aria-label="Fly there"]').click();
  const hash = await resting(first.page);
  await first.page.locator('[aria-label="Copy a link to this view"]').click();
  const link = await first.page.evaluate(() => navigator.clipboard.readText());
  assert.equal(new URL(link).hash, hash);
  await first.close();
  const second = await visit(browser, `/${hash}`);
  await standing(second.page);
  await second.page.waitForSelector('.card[data-state="ready"]');
  await second.page.keyboard.press("l");
  await second.page.keyboard.press("l");
  await second.page.locator('[aria-label="Copy a link to this view"]').click();
  const again = new URL(await second.page.evaluate(() => navigator.clipboard.readText())).hash;
  const numbers = (text: string) => (/v=([^&]*)/.exec(text)?.[1] ?? "").split(",").map(Number);
  const [a, b] = [numbers(hash), numbers(again)];
  assert.equal(a.length, b.length);
  a.forEach((value, index) =>
    assert.ok(Math.abs(value - (b[index] ?? NaN)) < 1, `camera ${index}: ${value}, ${b[index]}`),
  );
  assert.match(again, new RegExp(`s=${building.id}`));
  await second.close();
});
