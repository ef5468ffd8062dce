// Builds the page into dist/, which the server embeds and serves at `/`. The wasm viewer is put into public/wasm by
// build-wasm.sh and copied through unchanged; it is loaded at run time, never bundled.
import { defineConfig } from "vite";

/** Where a running Urbis answers while the page is served by `npm run dev`. */
const server = process.env["URBIS_URL"] ?? "http://127.0.0.1:8080";
const forwarded = ["/api", "/assets/", "/health", "/ogc"];

export default defineConfig({
  build: {
    target: "es2022",
    cssTarget: ["chrome111", "firefox115", "safari16.4"],
    assetsDir: "page",
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 200,
  },
  server: {
    proxy: {
      ...Object.fromEntries(forwarded.map((path) => [path, server])),
      "/live": { target: server, ws: true },
    },
  },
});
