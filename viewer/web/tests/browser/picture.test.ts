// The city is drawn, with WebGPU and with WebGL 2, and without an error; until then the page says what it waits for; and where neither exists, the page says
// what to do.
import assert from "node:assert/strict";
import { test } from "node:test";

import { desktop, keep, launch, open, pixels, standing, visit, type Gpu } from "./harness";

for (const gpu of ["webgpu", "webgl"] as Gpu[]) {
  test(`the city is drawn with ${gpu}`, async (t) => {
    const browser = await launch(gpu);
    try {
      const { page, close } = await visit(browser, `/?backend=${gpu}`, desktop);
      await standing(page);
      await page.waitForTimeout(1500);
      await keep(page, gpu);
      const seen = await pixels(page, open);
      const first = await page.evaluate(
        () => performance.getEntriesByName("urbis:first-picture")[0]?.startTime,
      );
      t.diagnostic(`first picture after ${first?.toFixed(0)} ms`);
      assert.ok(first, "the page counts the time to its first picture");
      t.diagnostic(`${seen.colours} colours, spread ${seen.spread.toFixed(1)}`);
      assert.ok(seen.colours > 120, `only ${seen.colours} colours: the picture is blank or flat`);
      assert.ok(seen.spread > 8, `brightness spreads by ${seen.spread} only`);
      assert.match(
        await page.locator('[data-figure="backend"]').innerText(),
        gpu === "webgl" ? /WebGL/i : /WebGPU/i,
      );
      await close();
    } finally {
      await browser.close();
    }
  });
}

test("what is waited for is said, and the panels come with the picture or when it is late", async () => {
  const browser = await launch("webgpu");
  try {
    let release = () => {};
    const held = new Promise<void>((done) => (release = done));
    const { page, close } = await visit(browser, "/", {}, async (page) => {
      await page.route("**/*.wasm", (route) => held.then(() => route.continue()));
    });
    const waiting = page.getByRole("progressbar");
    await waiting.waitFor();
    assert.match(await page.getByRole("status").first().innerText(), /viewer/i);
    assert.equal(await page.locator(".topbar").count(), 0, "the panels have not come yet");
    await page.locator(".topbar").waitFor();
    assert.ok(await waiting.isVisible(), "a late picture is still waited for");
    await keep(page, "late");
    release();
    await standing(page);
    assert.equal(await waiting.count(), 0);
    await close();
  } finally {
    await browser.close();
  }
});

test("a browser without a GPU interface is told what to do", async () => {
  const browser = await launch("none");
  try {
    const { page, errors } = await visit(browser);
    await page.waitForSelector('[data-notice="no-gpu"]');
    await keep(page, "no-gpu");
    const text = await page.locator('[data-notice="no-gpu"]').innerText();
    assert.match(text, /hardware acceleration/i);
    await page.locator(".language").click();
    assert.match(await page.locator('[data-notice="no-gpu"]').innerText(), /硬件加速/);
    // Chromium itself reports the failed context; the page must add nothing to that.
    assert.deepEqual(
      errors.filter((error) => !/webgl|gpu/i.test(error)),
      [],
    );
  } finally {
    await browser.close();
  }
});
