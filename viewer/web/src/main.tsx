// Where the page begins: the panels are drawn at once, the wasm module, the city's description and the live line are
// asked for in the same moment, and they meet when the viewer has started.
import { render } from "preact";

import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/panels.css";
import "./styles/overlays.css";
import "./styles/workbench.css";
import "./styles/phone.css";
import "./styles/print.css";

import { App } from "./app";
import { connectShortcuts } from "./shortcuts";
import { Session } from "./session";
import { layersOpen, narrow } from "./state";
import { findBackend, loadModule, ViewerHost, type Backend } from "./viewer/host";

function wantedBackend(): Backend | "auto" {
  const wanted = new URLSearchParams(location.search).get("backend");
  return wanted === "webgl" || wanted === "webgpu" ? wanted : "auto";
}

function followWidth(): void {
  const phone = matchMedia("(max-width: 760px)");
  narrow.value = phone.matches;
  if (phone.matches) layersOpen.value = false;
  phone.addEventListener("change", () => (narrow.value = phone.matches));
}

async function startViewer(session: Session, wanted: Backend | "auto"): Promise<void> {
  const canvas = document.getElementById("city") as HTMLCanvasElement;
  const module = loadModule();
  const found = findBackend(wanted);
  const failed = (detail: string) => session.giveUp({ kind: "stopped", detail });
  try {
    // A module that cannot be loaded is said at once; a busy GPU may take long to answer.
    const backend = await Promise.race([found, module.then(() => found)]);
    if (!backend) return session.giveUp({ kind: "no_gpu" });
    session.attach(await ViewerHost.start(await module, canvas, backend, failed), canvas);
  } catch (error) {
    session.giveUp({ kind: "viewer", detail: error instanceof Error ? error.message : String(error) });
  }
}

followWidth();
const session = new Session();
const place = document.getElementById("app");
if (place) render(<App session={session} />, place);
connectShortcuts(session);
session.begin();
void startViewer(session, wantedBackend());
