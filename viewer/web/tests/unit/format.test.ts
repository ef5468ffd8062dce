// Numbers, units, times and places as text.
import assert from "node:assert/strict";
import { test } from "node:test";

import * as f from "../../src/format";

test("units of UCUM are written for people", () => {
  assert.equal(f.unitText("ug/m3"), "µg/m³");
  assert.equal(f.unitText("Cel"), "°C");
  assert.equal(f.unitText("1"), "");
  assert.equal(f.unitText("{vehicles}/h"), "/h");
  assert.equal(f.unitText("kPa"), "kPa");
});

test("a number has as many decimals as its size deserves", () => {
  assert.equal(f.number(0.12345, "en-GB"), "0.123");
  assert.equal(f.number(42.126, "en-GB"), "42.13");
  assert.equal(f.number(123.46, "en-GB"), "123.5");
  assert.equal(f.number(12345.6, "en-GB"), "12,346");
  assert.equal(f.number(Number.NaN, "en-GB"), "–");
});

test("a year gets no comma", () => {
  assert.equal(f.plain(1998), "1998");
  assert.equal(f.plain(0.1 + 0.2), "0.3");
});

test("a value carries its unit, a plain number none", () => {
  assert.equal(f.quantity(42, "ug/m3", "en-GB"), "42\u202fµg/m³");
  assert.equal(f.quantity(7, "1", "en-GB"), "7");
});

test("counts are short", () => {
  assert.equal(f.shortCount(9_999, "en-GB"), "9,999");
  assert.match(f.shortCount(12_400, "en-GB"), /^12\.4k$/i);
});

test("UTC is UTC, and zones are offsets", () => {
  assert.equal(f.utcClock(Date.UTC(2026, 10, 22, 8, 4, 9) * 1000), "08:04:09");
  assert.equal(f.zoneText(480), "UTC+8");
  assert.equal(f.zoneText(-210), "UTC-3:30");
  assert.equal(f.zoneText(0), "UTC");
});

test("ages use the coarsest unit that says something", () => {
  assert.deepEqual(f.age(900), { unit: "now", n: 0 });
  assert.deepEqual(f.age(-5000), { unit: "now", n: 0 });
  assert.deepEqual(f.age(12_000), { unit: "s", n: 12 });
  assert.deepEqual(f.age(600_000), { unit: "min", n: 10 });
  assert.deepEqual(f.age(7_200_000), { unit: "h", n: 2 });
  assert.deepEqual(f.age(3 * 86_400_000), { unit: "d", n: 3 });
});

test("instants are read to the microsecond's millisecond, and nonsense is null", () => {
  assert.equal(f.parseTimeUs("1970-01-01T00:00:01.5Z"), 1_500_000);
  assert.equal(f.parseTimeUs("soon"), null);
  assert.equal(f.parseTimeUs(null), null);
});

test("places name their hemispheres", () => {
  assert.deepEqual(f.degrees(116.3, -39.98412), { lat: "39.98412°", ns: "s", lon: "116.30000°", ew: "e" });
});

test("bearings become winds", () => {
  assert.equal(f.wind(0), "N");
  assert.equal(f.wind(359), "N");
  assert.equal(f.wind(-90), "W");
  assert.equal(f.wind(134), "SE");
});

test("a property's ending is its unit", () => {
  assert.deepEqual(f.splitUnit("height_m"), { name: "height", unit: "m" });
  assert.deepEqual(f.splitUnit("speed_m_s"), { name: "speed", unit: "m/s" });
  assert.deepEqual(f.splitUnit("storeys"), { name: "storeys", unit: "1" });
  assert.deepEqual(f.splitUnit("_m"), { name: "_m", unit: "1" });
});
