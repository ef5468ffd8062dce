// The living line: updates move the picture, a cut line comes back by itself, an empty city says how to fill it, and a
// viewer that cannot be loaded says so.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import type { Browser, WebSocketRoute } from "playwright-core";

import { difference, keep, launch, open, picture, standing, visit } from "./harness";

let browser: Browser;
before(async () => (browser = await launch("webgpu")));
after(() => browser.close());

test("updates arrive and move the picture", async (t) => {
  const { page, close } = await visit(browser, "/#off=labels");
  await standing(page);
  await page.waitForFunction(() => {
    const text = document.querySelector('[data-figure="updates"]')?.textContent ?? "0";
    return Number(text.replace(/\D/g, "")) > 0;
  });
  const first = await picture(page, open);
  await page.waitForTimeout(4000);
  const changed = await difference(page, first, await picture(page, open));
  t.diagnostic(`${(changed * 100).toFixed(3)} % of the picture moved in 4 s`);
  assert.ok(changed > 0.00005, "nothing moves");
  const clock = () => page.locator(".figure-last").innerText();
  const before = await clock();
  await page.waitForTimeout(3000);
  assert.notEqual(await clock(), before);
  await close();
});

test("a cut line is shown, counted down and made again", async () => {
  let cut = false;
  const lines: WebSocketRoute[] = [];
  const { page, errors } = await visit(browser, "/", {}, async (page) => {
    await page.routeWebSocket(/\/live/, async (line) => {
      if (cut) return line.close({ code: 1012, reason: "cut by the test" });
      lines.push(line);
      line.connectToServer();
    });
  });
  await standing(page);
  cut = true;
  await lines[0]?.close({ code: 1012, reason: "cut by the test" });
  await page.waitForSelector('.link[data-phase="waiting"]');
  await page.waitForFunction(() =>
    /\d/.test(document.querySelector('.link [role="status"]')?.textContent ?? ""),
  );
  await keep(page, "reconnecting");
  cut = false;
  await page.waitForSelector('.link[data-phase="live"]', { timeout: 20_000 });
  assert.equal(lines.length, 2);
  await page.waitForSelector(".toast");
  await page.waitForFunction(() => {
    const text = document.querySelector('[data-figure="updates"]')?.textContent ?? "0";
    return Number(text.replace(/\D/g, "")) > 0;
  });
  assert.deepEqual(errors, []);
});

test("a city that holds nothing says how to fill it", async () => {
  const { page, close } = await visit(browser, "/", {}, async (page) => {
    await page.routeWebSocket(/\/live/, (line) => {
      line.send(JSON.stringify({ type: "hello", sequence: 0, time: new Date().toISOString(), entities: 0 }));
      line.send(JSON.stringify({ type: "snapshot_end", sequence: 0 }));
    });
  });
  await page.waitForSelector('[data-notice="empty"]');
  // Sky and ground stand there all the same.
  await page.waitForSelector("#city[data-built=true]");
  await keep(page, "empty");
  assert.match(await page.locator('[data-notice="empty"]').innerText(), /urbis import/);
  await close();
});

test("a viewer that cannot be loaded says so and offers a way on", async () => {
  const { page, errors } = await visit(browser, "/", {}, async (page) => {
    await page.route("**/wasm/*.wasm", (route) => route.fulfill({ status: 500, body: "broken" }));
  });
  await page.waitForSelector('[data-notice="broken"]');
  await page.locator("summary").click();
  await keep(page, "broken");
  assert.match(await page.locator('[data-notice="broken"] pre').innerText(), /500/);
  assert.equal(errors.filter((error) => !/500/.test(error)).length, 0, errors.join("\n"));
});
