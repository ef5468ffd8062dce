// The workbench and the bar of time as people use them: the answers on the page are those that the server gives elsewhere.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import type { Browser, Page } from "playwright-core";

import { difference, keep, launch, open, picture, resting, server, standing, visit } from "./harness";

let browser: Browser;
before(async () => (browser = await launch("webgpu")));
after(() => browser.close());

/** A window with room for the workbench. */
const roomy = { viewport: { width: 1180, height: 900 } };

async function sql<T>(question: string): Promise<T[]> {
  const response = await fetch(`${server}/sql`, { method: "POST", body: question });
  assert.ok(response.ok, await response.clone().text());
  return ((await response.json()) as { rows: T[] }).rows;
}

const numberIn = (text: string) => Number(text.replace(/[^\d.]/g, ""));

/** Draws a shape by clicks on the picture. */
async function drawn(page: Page, shape: string, corners: [number, number][]): Promise<void> {
  await page.locator(`[data-shape="${shape}"]`).click();
  for (const [x, y] of corners) {
    await page.mouse.move(x, y);
    await page.mouse.click(x, y);
    // Two clicks at once would be one double click.
    await page.waitForTimeout(400);
  }
}

test("the overview counts what the city holds", async () => {
  const { page, close } = await visit(browser, "/", roomy);
  await standing(page);
  await page.keyboard.press("b");
  await page.waitForSelector(".tile");
  await page.waitForSelector(".plain tbody tr");
  const [{ n } = { n: 0 }] = await sql<{ n: number }>("SELECT count(*) AS n FROM datastreams");
  assert.equal(numberIn(await page.locator(".tile dd").nth(1).innerText()), n);
  await page.waitForTimeout(800);
  await keep(page, "overview");
  await page.keyboard.press("Escape");
  await page.waitForSelector(".dock", { state: "detached" });
  await close();
});

test("a drawn polygon is counted as the server counts it, and a link holds it", async () => {
  const { page, close } = await visit(browser, "/#w=area", roomy);
  await standing(page);
  await drawn(page, "polygon", [
    [420, 330],
    [760, 330],
    [800, 460],
    [380, 460],
  ]);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".dock .bars li");
  await page.waitForSelector(".table-scroll tbody tr");
  await page.waitForTimeout(800);
  await keep(page, "area");
  const hash = await page.evaluate(() => location.hash);
  const corners = decodeURIComponent(/a=([^&]+)/.exec(hash)?.[1] ?? "").replace("polygon:", "");
  const ring = corners.split(";").map((pair) => pair.replace(",", " "));
  assert.equal(ring.length, 4);
  const polygon = `ST_GeomFromText('POLYGON((${[...ring, ring[0]].join(",")}))')`;
  const [{ n } = { n: 0 }] = await sql<{ n: number }>(
    `SELECT count(*) AS n FROM entities WHERE ST_Intersects(geometry, ${polygon})`,
  );
  const said = numberIn((await page.locator(".dock-part h3").first().innerText()).split("things")[0] ?? "");
  // The address keeps six decimals: a tree on the edge may lie on either side.
  assert.ok(n > 50 && Math.abs(said - n) <= 2, `the page says ${said}, the server ${n}`);
  assert.match(await page.locator(".facts-line").innerText(), /Area/);
  const waiting = page.waitForEvent("download");
  await page.getByRole("button", { name: "CSV" }).click();
  const file = await (await waiting).createReadStream();
  let text = "";
  for await (const chunk of file) text += String(chunk);
  assert.equal(text.trim().split("\n").length, said + 1, "one line a thing, and the names of the columns");
  await page.locator(".table-scroll tbody tr[data-id]").first().click();
  await page.waitForSelector('.card[data-state="ready"]');
  await page.reload();
  await standing(page);
  await page.waitForSelector(".dock .bars li");
  await close();
});

test("a way is measured, and Escape clears it", async () => {
  const { page, close } = await visit(browser, "/#w=area", roomy);
  await standing(page);
  await drawn(page, "way", [
    [450, 420],
    [700, 420],
  ]);
  await page.waitForSelector(".facts-line dd");
  assert.match(await page.locator(".facts-line").innerText(), /Length\s+[\d.,]+\s(k?)m/);
  await page.keyboard.press("Escape");
  await page.waitForSelector(".facts-line", { state: "detached" });
  assert.equal(await page.locator(".dock").count(), 1, "the workbench stays");
  await close();
});

test("a question is answered as a table, bars and places on the map; a wrong one says why", async () => {
  const { page, errors, close } = await visit(browser, "/#w=sql", roomy);
  await standing(page);
  await page.getByRole("button", { name: "How many of each kind" }).click();
  await page.waitForSelector(".answer .bars li");
  const [first] = await sql<{ kind: string; n: number }>(
    "SELECT kind, count(*) AS n FROM entities GROUP BY kind ORDER BY n DESC LIMIT 1",
  );
  assert.equal(numberIn(await page.locator(".answer .bar-value").first().innerText()), first?.n);
  await page.getByRole("button", { name: "The tallest buildings" }).click();
  await page.getByRole("button", { name: "Show on the map" }).click();
  await page.waitForFunction(
    () => (document.querySelector(".answer-dots")?.getAttribute("d") ?? "").length > 100,
  );
  await page.waitForTimeout(500);
  await keep(page, "sql");
  await page.locator(".sql-text").fill("SELECT nothing FROM entities");
  await page.keyboard.press("Control+Enter");
  await page.waitForSelector(".answer, .failed");
  assert.match(await page.locator(".failed").innerText(), /nothing/);
  // The browser itself tells of the refusal; the page says nothing beside it.
  assert.ok(errors.splice(0).every((text) => /status of 400/.test(text)));
  await close();
});

test("the bar of time shows the city as it was and goes back to now", async () => {
  const [{ first } = { first: "" }] = await sql<{ first: string }>(
    "SELECT min(time) AS first FROM positions",
  );
  const at = new Date(Date.parse(first) + 2_000).toISOString();
  const { page, close } = await visit(browser, `/#t=${at}`, roomy);
  await page.waitForSelector('.link[data-phase="past"]', { timeout: 120_000 });
  await page.waitForSelector("#city[data-built=true]", { timeout: 120_000 });
  assert.match(await page.locator(".link").innerText(), /As of/);
  await resting(page).catch(() => "");
  await keep(page, "past");
  const then = await picture(page, open);
  await page.waitForTimeout(2_500);
  const still = await difference(page, then, await picture(page, open));
  assert.ok(still < 0.002, `${(still * 100).toFixed(2)} % of a still picture changed`);
  await page.locator(".link button").click();
  await page.waitForSelector('.link[data-phase="live"]');
  assert.doesNotMatch(await page.evaluate(() => location.hash), /t=/);
  assert.equal(await page.locator(".live-button").getAttribute("aria-pressed"), "true");
  await page.locator(".time-slider").focus();
  await page.keyboard.press("ArrowLeft");
  await page.waitForSelector('.app[data-past="true"]', { state: "attached" });
  await page.waitForSelector('.link[data-phase="past"]');
  await close();
});

test("a report has the picture, the instant, the address and what the tab says", async () => {
  const { page, close } = await visit(browser, "/", roomy, async (page) => {
    await page.addInitScript("window.print = () => (window.asked = true)");
  });
  await standing(page);
  await page.keyboard.press("b");
  await page.waitForSelector(".plain tbody tr");
  await page.getByRole("button", { name: "Print a report" }).click();
  await page.waitForFunction("window.asked === true");
  const [width, dark] = await page.evaluate(() => {
    const image = document.querySelector<HTMLImageElement>(".report img") as HTMLImageElement;
    const small = new OffscreenCanvas(64, 40).getContext("2d") as OffscreenCanvasRenderingContext2D;
    small.drawImage(image, 0, 0, 64, 40);
    const { data } = small.getImageData(0, 0, 64, 40);
    return [image.naturalWidth, new Set(data).size];
  });
  assert.ok(width >= 800 && dark > 40, "the picture shows the city and is no empty canvas");
  await page.emulateMedia({ media: "print" });
  await page.waitForTimeout(500);
  await keep(page, "report");
  assert.ok(await page.locator(".report h1").isVisible());
  assert.ok(!(await page.locator(".topbar").isVisible()));
  assert.match(await page.locator(".report p").innerText(), /#.*w=overview/);
  await close();
});
