// Headless Chromium as the figures are taken with: WebGPU and WebGL on the processor. CHROMIUM names another browser.
import { chromium } from "playwright-core";

const args = [
  "--no-sandbox --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync",
  "--enable-unsafe-webgpu --enable-features=Vulkan --use-vulkan=swiftshader --use-webgpu-adapter=swiftshader",
  "--use-gl=angle --use-angle=swiftshader --enable-unsafe-swiftshader",
];

/** Starts the browser. */
export function launch() {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath, args: args.join(" ").split(" ") });
}

/** A page of a laptop's size. */
export async function newPage(browser) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  return { context, page: await context.newPage() };
}

/** Waits until the city was drawn. */
export const drawn = (page) => page.waitForSelector("#city[data-built=true]", { timeout: 60_000 });
