// The live line: waiting, clocks, rates, held frames, and the line itself against a socket that the test moves.
import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { retryDelayMs } from "../../src/live/backoff";
import { ServerClock } from "../../src/live/clock";
import { Hold } from "../../src/live/hold";
import { Rate } from "../../src/live/rate";
import { LiveLink, liveUrl, parseControl, type LinkState } from "../../src/live/socket";

test("waits double from half a second to ten, and differ", () => {
  const longest = [0, 1, 2, 3, 4, 5, 50].map((attempt) => retryDelayMs(attempt, 0));
  assert.deepEqual(longest, [500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
  for (let attempt = 0; attempt < 20; attempt += 1) {
    for (const chance of [0, 0.3, 0.999]) {
      const wait = retryDelayMs(attempt, chance);
      assert.ok(wait >= 500 && wait <= 10_000);
    }
  }
  assert.notEqual(retryDelayMs(4, 0.1), retryDelayMs(4, 0.9));
});

test("a wrong clock does not look like a delay", () => {
  const clock = new ServerClock();
  assert.equal(clock.known, false);
  // The server is 5 s ahead; the slow exchange says 5.3, the quick one 5.0.
  clock.add(1000, 1800, 1000 + 400 + 5300);
  clock.add(2000, 2010, 2005 + 5000);
  clock.add(3000, 3900, 3450 + 4600);
  assert.equal(clock.since(10_000 + 5000, 10_040), 40);
  assert.equal(clock.since(99_999, 0), 0);
});

test("rates count the whole seconds that are over", () => {
  const rate = new Rate(3);
  rate.add(10, 1000);
  rate.add(30, 2500);
  assert.equal(rate.perSecond(3100), 20);
  rate.add(1000, 3200);
  assert.equal(rate.perSecond(3300), 20);
  assert.equal(rate.perSecond(60_000), 0);
});

test("held frames come out in order, and too many are let go", () => {
  const hold = new Hold(10);
  const taken: number[] = [];
  hold.keep(new Uint8Array([1, 2, 3]));
  hold.keep(new Uint8Array([4]));
  assert.equal(
    hold.release((bytes) => taken.push(...bytes)),
    false,
  );
  assert.deepEqual(taken, [1, 2, 3, 4]);
  hold.keep(new Uint8Array(8));
  hold.keep(new Uint8Array(8));
  assert.equal(
    hold.release(() => assert.fail("let go")),
    true,
  );
  assert.equal(
    hold.release(() => assert.fail("empty")),
    false,
  );
});

test("texts that are no control message are ignored", () => {
  assert.equal(parseControl("hello"), null);
  assert.equal(parseControl("null"), null);
  assert.equal(parseControl('{"type":7}'), null);
  assert.deepEqual(parseControl('{"type":"gap","missed":2,"coalesced":1}'), {
    type: "gap",
    missed: 2,
    coalesced: 1,
  });
});

test("the live address follows the page's and passes its box on", () => {
  assert.equal(liveUrl({ protocol: "http:", host: "h:1", search: "" }), "ws://h:1/live");
  assert.equal(
    liveUrl({ protocol: "https:", host: "h", search: "?bbox=1,2,3,4&kinds=sensor&x=1" }),
    "wss://h/live?bbox=1%2C2%2C3%2C4&kinds=sensor",
  );
});

class FakeSocket {
  static made: FakeSocket[] = [];
  binaryType = "";
  onmessage: ((event: { data: string | ArrayBuffer }) => void) | null = null;
  onclose: (() => void) | null = null;
  constructor(readonly url: string) {
    FakeSocket.made.push(this);
  }
  close(): void {
    this.onclose?.();
  }
  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

function line(): { link: LiveLink; states: LinkState[]; bytes: Uint8Array[] } {
  const states: LinkState[] = [];
  const bytes: Uint8Array[] = [];
  const link = new LiveLink("ws://test/live", {
    state: (state) => states.push(state),
    control: () => {},
    arrow: (frame) => bytes.push(frame),
  });
  return { link, states, bytes };
}

beforeEach(() => {
  FakeSocket.made = [];
  Object.assign(globalThis, { WebSocket: FakeSocket });
});

test("the line goes from connecting over the snapshot to live", () => {
  const { link, states, bytes } = line();
  link.connect();
  link.connect();
  assert.equal(FakeSocket.made.length, 1);
  FakeSocket.made[0]?.say({ type: "hello", sequence: 1, time: "", entities: 2 });
  FakeSocket.made[0]?.onmessage?.({ data: new Uint8Array([7, 8]).buffer });
  FakeSocket.made[0]?.say({ type: "snapshot_end", sequence: 1 });
  assert.deepEqual(
    states.map((state) => state.phase),
    ["connecting", "snapshot", "live"],
  );
  assert.deepEqual([...(bytes[0] ?? [])], [7, 8]);
  link.stop();
});

test("a lost line waits longer each time, and success resets the wait", () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { link, states } = line();
  link.connect();
  const waits: number[] = [];
  for (let turn = 0; turn < 4; turn += 1) {
    FakeSocket.made.at(-1)?.close();
    const state = states.at(-1);
    assert.ok(state?.phase === "waiting");
    waits.push(state.retryAtMs - Date.now());
    mock.timers.tick(10_000);
    assert.equal(states.at(-1)?.phase, "connecting");
  }
  assert.ok((waits[3] ?? 0) > (waits[0] ?? 0));
  FakeSocket.made.at(-1)?.say({ type: "snapshot_end", sequence: 9 });
  FakeSocket.made.at(-1)?.close();
  const state = states.at(-1);
  assert.ok(state?.phase === "waiting" && state.retryAtMs - Date.now() <= 500);
  link.stop();
  mock.timers.reset();
});

test("a line that falls silent is made anew", () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { link, states } = line();
  link.connect();
  FakeSocket.made[0]?.say({ type: "snapshot_end", sequence: 1 });
  mock.timers.tick(29_000);
  FakeSocket.made[0]?.say({ type: "ping", time_us: 1 });
  mock.timers.tick(29_000);
  assert.equal(states.at(-1)?.phase, "live");
  mock.timers.tick(2_000);
  assert.equal(states.at(-1)?.phase, "waiting");
  link.stop();
  mock.timers.reset();
});

test("a stopped line stays stopped, and a restarted one forgets the old socket", () => {
  const { link, states, bytes } = line();
  link.connect();
  const old = FakeSocket.made[0];
  link.restart();
  assert.equal(FakeSocket.made.length, 2);
  old?.onmessage?.({ data: new Uint8Array([1]).buffer });
  assert.equal(bytes.length, 0);
  link.stop();
  link.connect();
  assert.equal(FakeSocket.made.length, 2);
  assert.notEqual(states.at(-1)?.phase, "waiting");
});
