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

const DRAWN_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 100;

/**
 * Waits until the city was drawn; milliseconds from the navigation's start until then. It looks with one short expression:
 * playwright's own waiting puts 330 kB of script into the page, which costs a tenth of a second just then.
 */
export async function drawn(page) {
  const session = await page.context().newCDPSession(page);
  const expression = 'performance.getEntriesByName("urbis:first-picture")[0]?.startTime ?? 0';
  for (const end = Date.now() + DRAWN_WITHIN_MS; Date.now() < end;) {
    const { result } = await session.send("Runtime.evaluate", { expression });
    if (result.value > 0) return result.value;
    await new Promise((done) => setTimeout(done, LOOK_EVERY_MS));
  }
  throw new Error(`no picture within ${DRAWN_WITHIN_MS / 1000} s`);
}
