// What the workbench computes: measures of drawn shapes, their texts, and which picture an answer makes.
import assert from "node:assert/strict";
import { test } from "node:test";

import type { Alert } from "../../src/api/types";
import { openAlerts } from "../../src/panels/alarms";
import { dotsPath, pathOf } from "../../src/panels/overlay";
import { barsOf, placesOf, seriesOf } from "../../src/panels/sql";
import { cellText, columnsOf, rowId } from "../../src/panels/table";
import {
  add,
  areaM2,
  back,
  begin,
  clear,
  distanceM,
  drawing,
  finish,
  outline,
  polygonText,
  readSketch,
  sketch,
  sketchText,
  type Place,
} from "../../src/viewer/sketch";

test("lengths and areas are those of the ellipsoid", () => {
  // Against geodesics on WGS 84 (geographiclib 2): a hundredth of a degree at Beijing.
  assert.ok(Math.abs(distanceM([116.31, 39.98], [116.32, 39.98]) - 854.188) < 0.05);
  assert.ok(Math.abs(distanceM([116.31, 39.98], [116.31, 39.99]) - 1110.343) < 0.05);
  const ring: Place[] = [
    [116.31, 39.98],
    [116.32, 39.98],
    [116.32, 39.99],
    [116.31, 39.99],
  ];
  assert.ok(Math.abs(areaM2(ring) / 948_372.5 - 1) < 2e-4);
  assert.equal(areaM2([...ring].reverse()), areaM2(ring));
});

test("a circle's rim lies at its radius, also far north", () => {
  const places: Place[] = [
    [24.94, 60.17],
    [24.95, 60.17],
  ];
  const radius = distanceM(...(places as [Place, Place]));
  for (const corner of outline("circle", places)) {
    assert.ok(Math.abs(distanceM(places[0] as Place, corner) / radius - 1) < 1e-3);
  }
});

test("a drawing begins, takes back, ends and clears", () => {
  begin("polygon");
  for (const lon of [1, 2, 3]) add([lon, lon * lon]);
  back();
  finish();
  assert.ok(drawing.value, "two corners are no area: it goes on");
  add([4, 0]);
  finish();
  assert.ok(!drawing.value);
  assert.equal(
    polygonText(sketch.value),
    "POLYGON((1.0000000 1.0000000,2.0000000 4.0000000,4.0000000 0.0000000,1.0000000 1.0000000))",
  );
  add([5, 5]);
  assert.equal(sketch.value?.places.length, 3, "what is done stays");
  begin("circle");
  add([1, 1]);
  assert.equal(polygonText(sketch.value), null);
  add([1, 2]);
  assert.ok(!drawing.value, "a circle is done with its rim");
  clear();
  assert.equal(sketch.value, null);
});

test("a sketch survives its address, nonsense makes none", () => {
  const drawn = readSketch("circle:116.31,39.98;116.32,39.98");
  assert.equal(sketchText(drawn), "circle:116.310000,39.980000;116.320000,39.980000");
  for (const text of [
    null,
    "",
    "circle",
    "circle:1,2",
    "square:1,2;3,4",
    "polygon:1,2;3,x;5,6",
    "way:1,2;3,91",
  ]) {
    assert.equal(readSketch(text), null, String(text));
  }
});

test("an answer is a line, bars or places by what its columns hold", () => {
  const series = seriesOf([
    { time: "2026-11-30T08:01:00Z", mean: 2 },
    { time: "2026-11-30T08:00:00Z", mean: 1 },
  ]);
  assert.deepEqual(
    series?.rows.map(([, value]) => value),
    [1, 2],
  );
  assert.equal(
    seriesOf([
      { kind: "a", n: 1 },
      { kind: "b", n: 2 },
    ]),
    null,
  );
  assert.deepEqual(barsOf([{ kind: "road", n: 3 }]), [{ name: "road", value: 3 }]);
  assert.equal(barsOf([{ name: "x", lon: 1, lat: 2 }]), null);
  assert.equal(barsOf([]), null);
  const id = "01a22e2c-9a9b-71fd-b858-2119bb60a485";
  assert.deepEqual(
    placesOf([
      { lon: 1, lat: 2, id },
      { lon: null, lat: 3 },
    ]),
    [{ lon: 1, lat: 2 }],
  );
  assert.equal(rowId({ name: "x", entity: id }), id);
  assert.equal(rowId({ id: "not an id" }), null);
  assert.deepEqual(columnsOf([{ a: 1 }, { a: 1, b: 2 }]), ["a", "b"]);
  assert.equal(cellText({ a: 1 }, "en-GB"), '{"a":1}');
  assert.equal(cellText(null, "en-GB"), "");
});

test("what is behind the eye is left out of a path", () => {
  assert.equal(pathOf(Float32Array.from([1, 2, NaN, NaN, 3, 4]), true), "M1.0 2.0L3.0 4.0Z");
  assert.equal(pathOf(new Float32Array(), true), "");
  assert.equal(dotsPath(Float32Array.from([NaN, 1]), 4), "");
});

test("alerts are open until somebody has taken note, newest first", () => {
  const alert = (number: number, more: Partial<Alert> = {}): Alert => ({
    number,
    id: `a${number}`,
    rule: "dust",
    event: "raised",
    thing: null,
    fence: null,
    datastream: 1,
    time: "2026-11-30T08:00:00Z",
    value: 80,
    lon: null,
    lat: null,
    height_m: null,
    ...more,
  });
  const { alerts, notedBy } = openAlerts([
    alert(1),
    alert(2),
    alert(3, { event: "acknowledged", alert: 1, by: "Ann" }),
  ]);
  assert.deepEqual(
    alerts.map(({ number }) => number),
    [2, 1],
  );
  assert.deepEqual([...notedBy], [[1, "Ann"]]);
});
