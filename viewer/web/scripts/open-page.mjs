// Opens the page and keeps it open until standard input ends: open-page.mjs URL. Says "open" when it was drawn and, at the
// end, how many frames and updates the page has shown.
import { drawn, launch, newPage } from "./chromium.mjs";

const browser = await launch();
const { page } = await newPage(browser);
await page.goto(process.argv[2]);
await drawn(page);
console.log("open");
for await (const _ of process.stdin);
console.log(await page.locator(".statusbar").innerText());
await browser.close();
