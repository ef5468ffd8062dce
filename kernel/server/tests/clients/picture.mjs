// A page of the documentation in headless Chromium on a software renderer. Arguments: the page, the address of Urbis, the
// picture to write, "map" or "globe". Prints as JSON what the page shows; ends with 1 where the page told an error.
import { readFile } from "node:fs/promises";
import { chromium } from "playwright-core";

import { serve } from "./serve.mjs";

const [file, urbis, picture, what] = process.argv.slice(2);
const site = await serve(await readFile(file, "utf8"), urbis);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-quic", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"],
});
const page = await browser.newPage({ viewport: { width: 800, height: 500 } });
page.setDefaultTimeout(240_000);
const errors = [];
page.on("pageerror", (error) => errors.push(error.message));
page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
page.on("response", (response) => response.status() >= 400 && errors.push(`${response.status()} ${response.url()}`));
await page.goto(`${site.url}/page.html`);

/** Runs in the page. */
const ready = {
  map: "typeof map !== 'undefined' && map.loaded() && map.areTilesLoaded() && map.queryRenderedFeatures({ layers: ['buildings'] }).length > 0",
  globe: "typeof city !== 'undefined' && city !== undefined && city.tilesLoaded && city.statistics.numberOfTilesWithContentReady > 0",
};
const shown = {
  map: `(() => {
    const features = map.queryRenderedFeatures({ layers: ["buildings"] });
    return { ids: [...new Set(features.map((f) => f.properties.id))], heights: features.map((f) => f.properties.height_m) };
  })()`,
  globe: `(() => {
    const ids = new Set();
    let tiles = 0;
    for (const tile of city._selectedTiles ?? []) {
      tiles += 1;
      for (let i = 0; i < tile.content.featuresLength; i++) ids.add(tile.content.getFeature(i).getProperty("id"));
    }
    const pick = viewer.scene.pick(new Cesium.Cartesian2(viewer.canvas.clientWidth / 2, viewer.canvas.clientHeight / 2));
    return { ids: [...ids], tiles, picked: pick?.getProperty?.("id") ?? null };
  })()`,
};
let told = {};
try {
  await page.waitForFunction(ready[what], undefined, { polling: 500 });
  await page.waitForTimeout(3_000);
  await page.waitForFunction(ready[what], undefined, { polling: 500 });
  told = await page.evaluate(shown[what]);
  await page.screenshot({ path: picture, timeout: 120_000 });
} catch (error) {
  errors.push(String(error));
} finally {
  await browser.close();
  site.close();
}
console.log(JSON.stringify({ ...told, errors }));
process.exitCode = errors.length === 0 ? 0 : 1;
