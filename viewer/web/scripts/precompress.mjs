// Writes FILE.br beside every compressible file of dist/ so that the server need not compress on the way out.
// Prints what the page weighs and fails when the scripts outgrow their budget.
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { extname, join, relative } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

const root = new URL("../dist/", import.meta.url).pathname;
const compressible = new Set([".js", ".css", ".html", ".svg", ".json", ".wasm"]);
const scriptBudget = 200_000;

/** Quality 11 on megabytes of wasm costs half a minute; 9 is within 5 % of it. */
const quality = (size) => (size > 1_000_000 ? 9 : 11);

let scripts = 0;
for (const name of readdirSync(root, { recursive: true })) {
  const path = join(root, name);
  if (!statSync(path).isFile() || !compressible.has(extname(path))) continue;
  const bytes = readFileSync(path);
  const packed = brotliCompressSync(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: quality(bytes.length),
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });
  if (packed.length < bytes.length) writeFileSync(`${path}.br`, packed);
  else rmSync(`${path}.br`, { force: true });
  if (extname(path) === ".js" && !name.startsWith("wasm")) scripts += bytes.length;
  console.log(
    `${relative(root, path).padEnd(44)} ${String(bytes.length).padStart(9)} B  ${String(packed.length).padStart(8)} B brotli`,
  );
}
console.log(`scripts of the page: ${scripts} B of ${scriptBudget} B`);
if (scripts > scriptBudget) {
  console.error("the page's scripts are over their budget: look for a dependency that came in whole");
  process.exit(1);
}
