// A real Chromium on a running Urbis. In: URBIS_URL (the server), CHROMIUM (the browser, default /usr/bin/chromium),
// URBIS_ARTEFACTS (where pictures are kept). Every page that is opened here collects its errors; `close` fails when
// there were any.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";

import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";

import type { Hit } from "../../src/api/types";

const artefacts = resolve(process.env["URBIS_ARTEFACTS"] ?? "../../target/artefacts");

/** A software renderer on a machine that does other things as well draws a frame in seconds. */
const PATIENCE_MS = 60_000;

/** The server under test. */
export const server = (process.env["URBIS_URL"] ?? "").replace(/\/$/, "");
assert.notEqual(
  server,
  "",
  "set URBIS_URL to a running server, for example: urbis demo, then URBIS_URL=http://127.0.0.1:8080",
);

/** What the browser may draw with. */
export type Gpu = "webgpu" | "webgl" | "none";

const always = [
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--lang=en-GB",
];
const webgl = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"];
const webgpu = [
  "--enable-unsafe-webgpu",
  "--enable-features=Vulkan",
  "--use-vulkan=swiftshader",
  "--use-webgpu-adapter=swiftshader",
];
const flags: Record<Gpu, string[]> = {
  webgpu: [...webgpu, ...webgl],
  webgl,
  none: ["--disable-gpu", "--disable-3d-apis", "--disable-software-rasterizer"],
};

/** Starts the browser. */
export function launch(gpu: Gpu): Promise<Browser> {
  const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath, args: [...always, ...flags[gpu]] });
}

/** A window for pictures to be shown, and a smaller one that a software renderer draws sooner. */
export const desktop: BrowserContextOptions = { viewport: { width: 1280, height: 800 } };
export const small: BrowserContextOptions = { viewport: { width: 1000, height: 640 } };
export const phone: BrowserContextOptions = {
  viewport: { width: 390, height: 844 },
  // A real phone has two or three; a software renderer pays for each pixel, and the layout is the same.
  deviceScaleFactor: 1,
  hasTouch: true,
  isMobile: true,
};

/** A page and what went wrong in it. */
export interface Visit {
  page: Page;
  errors: string[];
  close(): Promise<void>;
}

/** Opens a page. `before` runs before the address is opened. */
export async function visit(
  browser: Browser,
  path = "/",
  options: BrowserContextOptions = {},
  before: (page: Page) => Promise<void> = async () => {},
): Promise<Visit> {
  const context = await browser.newContext({
    ...small,
    locale: "en-GB",
    timezoneId: "Asia/Shanghai",
    reducedMotion: "reduce",
    permissions: ["clipboard-read", "clipboard-write"],
    ...options,
  });
  context.setDefaultTimeout(PATIENCE_MS);
  // The compiler that runs these tests wraps named functions in a helper that the browser does not have.
  await context.addInitScript("globalThis.__name ??= (value) => value");
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  await before(page);
  await page.goto(server + path, { waitUntil: "commit" });
  const close = async () => {
    await context.close();
    assert.deepEqual(errors, [], "the page said errors");
  };
  return { page, errors, close };
}

/** Waits until the city stands there and the line is live. */
export async function standing(page: Page): Promise<void> {
  await page.waitForSelector("#city[data-built=true]", { timeout: 2 * PATIENCE_MS });
  await page.waitForSelector('.link[data-phase="live"]');
}

/** Keeps a picture of the page. */
export async function keep(page: Page, name: string): Promise<void> {
  mkdirSync(artefacts, { recursive: true });
  await page.screenshot({ path: join(artefacts, `page-${name}.png`), timeout: 3 * PATIENCE_MS });
}

/** A part of the page in CSS pixels. */
export type Box = { x: number; y: number; width: number; height: number };

/** The part of the smaller window that no panel covers. */
export const open: Box = { x: 280, y: 84, width: 340, height: 490 };

/** What a picture's pixels say. */
export interface Pixels {
  /** Colours that differ in their upper five bits. */
  colours: number;
  /** Standard deviation of the brightness, 0 to 255. */
  spread: number;
}

interface Decoded {
  pixels: Pixels;
  changed: number;
}

/** Reads one picture, or compares two: `changed` is the share of pixels that differ by more than 16 in a channel. */
async function decode(page: Page, pictures: Buffer[]): Promise<Decoded> {
  const reader = await page.context().newPage();
  try {
    await reader.evaluate("globalThis.__name ??= (value) => value");
    return await reader.evaluate(
      readPictures,
      pictures.map((picture) => picture.toString("base64")),
    );
  } finally {
    await reader.close();
  }
}

/** Runs in the browser. */
async function readPictures(sources: string[]): Promise<Decoded> {
  const all: Uint8ClampedArray[] = [];
  for (const source of sources) {
    const bytes = Uint8Array.from(atob(source), (char) => char.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes]));
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext(
      "2d",
    ) as OffscreenCanvasRenderingContext2D;
    context.drawImage(bitmap, 0, 0);
    all.push(context.getImageData(0, 0, bitmap.width, bitmap.height).data);
  }
  const first = all[0] ?? new Uint8ClampedArray();
  const second = all[1] ?? first;
  const colours = new Set<number>();
  let [sum, squares, changed] = [0, 0, 0];
  for (let i = 0; i < first.length; i += 4) {
    const [r, g, b] = [first[i] ?? 0, first[i + 1] ?? 0, first[i + 2] ?? 0];
    colours.add(((r >> 3) << 10) | ((g >> 3) << 5) | (b >> 3));
    const light = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    sum += light;
    squares += light * light;
    const differ = (at: number) => Math.abs((first[at] ?? 0) - (second[at] ?? 0)) > 16;
    if (differ(i) || differ(i + 1) || differ(i + 2)) changed += 1;
  }
  const count = first.length / 4;
  const spread = Math.sqrt(Math.max(0, squares / count - (sum / count) ** 2));
  return { pixels: { colours: colours.size, spread }, changed: changed / count };
}

/** The pixels of a part of the page. */
export async function pixels(page: Page, box: Box): Promise<Pixels> {
  return (await decode(page, [await picture(page, box)])).pixels;
}

/** A picture of a part of the page, to be compared later. */
export const picture = (page: Page, box: Box) => page.screenshot({ clip: box, timeout: 3 * PATIENCE_MS });

/** The share of pixels that differ between two pictures. */
export async function difference(page: Page, before: Buffer, after: Buffer): Promise<number> {
  return (await decode(page, [before, after])).changed;
}

/** Asks the server for JSON. */
export async function ask<T>(path: string): Promise<T> {
  const response = await fetch(server + path);
  assert.ok(response.ok, `${path}: ${response.status}`);
  return (await response.json()) as T;
}

/** A thing of a kind that has a name of its own, by whatever search finds one. */
export async function someNamed(kind: string): Promise<Hit & { id: string; name: string }> {
  const { counts } = await ask<{ counts: Record<string, number> }>("/api/info");
  assert.ok((counts[kind] ?? 0) > 0, `the city under test holds no ${kind}`);
  for (const q of [kind, "1", "2", "a", "e", "楼", "路", "京", "-"]) {
    const hits = await ask<Hit[]>(`/api/search?q=${encodeURIComponent(q)}&limit=100`);
    const found = hits.find((hit) => hit.kind === kind && hit.id !== null && Boolean(hit.name));
    if (found) return found as Hit & { id: string; name: string };
  }
  throw new Error(`no search finds a ${kind} with a name`);
}

/** Waits until the camera has come to rest; gives the address that then holds its place. */
export async function resting(page: Page): Promise<string> {
  await page.waitForSelector("#city[data-resting=true]", { timeout: 2 * PATIENCE_MS });
  await page.waitForFunction(() => location.hash !== "");
  return new URL(page.url()).hash;
}
