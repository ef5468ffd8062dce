// The page's figures, beside a running demo (URBIS_URL, URBIS_MQTT): time to the first picture, from a sensor's publish
// to the page's hands, size of the wasm. One line of JSON a figure, as benches/src/figure.rs writes them.
import { spawn } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

import { drawn, launch, newPage } from "./chromium.mjs";

const PICTURES = 9;

const url = process.env.URBIS_URL;
const [host, port] = (process.env.URBIS_MQTT ?? "").split(":");
if (!url || !port)
  throw new Error("run this beside a demo: scripts/with-urbis.sh URBIS -- node scripts/figures.mjs");
const browser = await launch();

const at = (runs, place) => [...runs].sort((a, b) => a - b)[Math.round((runs.length - 1) * place)];
function figure(name, unit, runs, most) {
  const median = at(runs, 0.5);
  const line = { figure: name, median, min: at(runs, 0), max: at(runs, 1), unit, runs: runs.length };
  console.log(JSON.stringify({ ...line, bound: `<= ${most}`, kept: median <= most }));
}

/** In the page: keeps the arrival times of live messages, by the marker value they hold. */
function keepArrivals() {
  globalThis.arrivals = {};
  const Plain = globalThis.WebSocket;
  globalThis.WebSocket = class extends Plain {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", ({ data }) => {
        if (!(data instanceof ArrayBuffer)) return;
        const view = new DataView(data);
        for (let i = 0; i + 8 <= data.byteLength; i += 8) {
          const value = view.getFloat64(i, true);
          if (value >= 1e9 && value < 1e9 + 1e5) globalThis.arrivals[value] ??= Date.now();
        }
      });
    }
  };
}

const pictures = [];
for (let run = 0; run < PICTURES; run++) {
  const { context, page } = await newPage(browser);
  await page.goto(url, { waitUntil: "commit" });
  pictures.push((await drawn(page)) / 1000);
  await context.close();
}
figure("page: first picture", "s", pictures, 3);

const publish = spawn("mosquitto_pub", ["-h", host, "-p", port, "-t", "urbis/bench/page/bench", "-l"]);
const described = JSON.stringify({
  kind: "sensor",
  class: "bench",
  name: "bench",
  lon: 116.31,
  lat: 39.98,
  datastreams: [{ property: "bench", unit: "1", name: "bench" }],
});
const describe = spawn("mosquitto_pub", [
  "-h",
  host,
  "-p",
  port,
  "-q",
  "1",
  "-t",
  "urbis/bench/page/describe",
  "-m",
  described,
]);
await new Promise((done) => describe.on("exit", done));
const { page } = await newPage(browser);
await page.addInitScript(keepArrivals);
await page.goto(url);
await drawn(page);
const sent = {};
for (let n = 0; n < 200; n++) {
  const value = 1e9 + n;
  sent[value] = Date.now();
  publish.stdin.write(`{"t":${Date.now()},"v":${value},"unit":"1"}\n`);
  await new Promise((done) => setTimeout(done, 61));
}
await new Promise((done) => setTimeout(done, 5_000));
publish.stdin.end();
const arrivals = await page.evaluate(() => globalThis.arrivals);
// Newer values replace older ones that wait: a value that never came was followed by one that did.
const delays = Object.keys(arrivals).map((value) => arrivals[value] - sent[value]);
figure("publish to page, median", "ms", delays, 100);
figure("publish to page, 99th percentile", "ms", [at(delays, 0.99)], 400);
await browser.close();

const folder = new URL("../dist/", import.meta.url).pathname;
const files = readdirSync(folder, { recursive: true }).map(String);
const wasm = files
  .filter((file) => file.endsWith(".wasm.br"))
  .map((file) => statSync(join(folder, file)).size);
figure(
  "wasm, compressed (Brotli)",
  "MB",
  wasm.map((bytes) => bytes / 1e6),
  4,
);
