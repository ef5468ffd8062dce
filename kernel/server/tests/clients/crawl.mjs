// Fetches all that a tileset leads to, as a client would: tileset.json, subtrees, contents. Arguments: the address of
// tileset.json, a folder. Every content is checked by Khronos' glTF validator; the folder is left for Cesium's. Prints JSON.
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { validateBytes } from "gltf-validator";

const [address, folder] = process.argv.slice(2);
const told = { subtrees: 0, contents: 0, bytes: 0, issues: [] };

async function take(uri) {
  const url = new URL(uri, address);
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const file = join(folder, decodeURIComponent(uri.split("?")[0]));
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, bytes);
  told.bytes += bytes.length;
  return bytes;
}

const fill = (template, level, x, y) => template.replace("{level}", level).replace("{x}", x).replace("{y}", y);

/** The bits of a bitstream or constant of a subtree. */
function availability(document, binary, which) {
  if (which.constant !== undefined) return () => which.constant === 1;
  const view = document.bufferViews[which.bitstream];
  return (bit) => (binary[view.byteOffset + (bit >> 3)] >> (bit & 7) & 1) === 1;
}

function cells(level, x, y, deeper) {
  const list = [];
  for (let code = 0; code < 4 ** deeper; code++) {
    let [dx, dy] = [0, 0];
    for (let i = 0; i < deeper; i++) {
      dx |= ((code >> (2 * i)) & 1) << i;
      dy |= ((code >> (2 * i + 1)) & 1) << i;
    }
    list.push([level + deeper, (x << deeper) + dx, (y << deeper) + dy]);
  }
  return list;
}

async function content(uri) {
  const bytes = await take(uri);
  told.contents += 1;
  const report = await validateBytes(bytes, { uri, maxIssues: 100 });
  for (const issue of report.issues.messages.filter(({ severity }) => severity < 2)) told.issues.push({ uri, ...issue });
}

async function subtree(tile, level, x, y) {
  const bytes = await take(fill(tile.implicitTiling.subtrees.uri, level, x, y));
  told.subtrees += 1;
  const head = new DataView(bytes.buffer);
  const length = Number(head.getBigUint64(8, true));
  const document = JSON.parse(new TextDecoder().decode(bytes.subarray(24, 24 + length)));
  const binary = bytes.subarray(24 + length);
  const levels = tile.implicitTiling.subtreeLevels;
  const has = availability(document, binary, document.contentAvailability[0]);
  let bit = 0;
  for (let deeper = 0; deeper < levels; deeper++) {
    for (const cell of cells(level, x, y, deeper)) if (has(bit++)) await content(fill(tile.content.uri, ...cell));
  }
  const below = availability(document, binary, document.childSubtreeAvailability);
  for (const [i, cell] of cells(level, x, y, levels).entries()) if (below(i)) await subtree(tile, ...cell);
}

const tileset = JSON.parse(new TextDecoder().decode(await take("tileset.json")));
for (const tile of tileset.root.children) await subtree(tile, 0, 0, 0);
console.log(JSON.stringify(told));
