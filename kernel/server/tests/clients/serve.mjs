// A page of the documentation and the libraries it names, from this folder, and everything else from Urbis: so that a page
// runs as it stands, without the network. In: the page's text, the address of Urbis. Out: an address.
import { createServer, request } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const modules = fileURLToPath(new URL("./node_modules/", import.meta.url));
const types = {
  ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".json": "application/json",
  ".png": "image/png", ".jpg": "image/jpeg", ".svg": "image/svg+xml", ".wasm": "application/wasm",
};

/** `https://unpkg.com/name@version/path` is the file in node_modules. */
export function local(page) {
  return page.replaceAll("https://unpkg.com/", "/npm/").replaceAll('"http://127.0.0.1:8080"', "location.origin");
}

function forward(urbis, incoming, outgoing) {
  const target = new URL(incoming.url, urbis);
  const asked = request(target, { method: incoming.method, headers: incoming.headers }, (answer) => {
    outgoing.writeHead(answer.statusCode, answer.headers);
    answer.pipe(outgoing);
  });
  asked.on("error", () => outgoing.writeHead(502).end());
  incoming.pipe(asked);
}

export function serve(page, urbis) {
  const server = createServer(async (incoming, outgoing) => {
    const { pathname } = new URL(incoming.url, "http://local");
    if (pathname === "/page.html") {
      outgoing.writeHead(200, { "content-type": "text/html" }).end(local(page));
    } else if (pathname === "/favicon.ico") {
      outgoing.writeHead(204).end();
    } else if (pathname.startsWith("/npm/")) {
      const file = normalize(join(modules, pathname.slice(5).replace(/@[\d.]+\//, "/")));
      try {
        const bytes = await readFile(file.startsWith(modules) ? file : "");
        outgoing.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream" }).end(bytes);
      } catch {
        outgoing.writeHead(404).end();
      }
    } else {
      forward(urbis, incoming, outgoing);
    }
  });
  return new Promise((ready) =>
    server.listen(0, "127.0.0.1", () => ready({ url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() })),
  );
}
