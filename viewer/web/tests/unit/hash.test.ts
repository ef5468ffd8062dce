// A view survives its address; a broken address does no harm.
import assert from "node:assert/strict";
import { test } from "node:test";

import { emptyView, readHash, writeHash, type View } from "../../src/hash";

test("a view survives its address", () => {
  const views: View[] = [
    emptyView,
    { ...emptyView, camera: [116.3124567, 39.9841234, 420.5, 30, -35.25], off: ["roads"] },
    { ...emptyView, camera: [-70, -33.4, 12_000.52], selected: "0197c2a0-04bc-70bc-800e-a421fc0004bc" },
    { ...emptyView, selected: "a&b=c,d #é", off: ["a,b", "point_clouds"] },
    { ...emptyView, time: "2026-11-30T08:00:00Z", tab: "sql", sql: "SELECT 'a=b&c' AS \"x\"\nFROM t; -- 楼" },
    { ...emptyView, area: "polygon:116.31,39.98;116.32,39.98;116.32,39.99", tab: "area" },
  ];
  for (const view of views) {
    const back = readHash(writeHash(view));
    assert.deepEqual({ ...back, camera: null }, { ...view, camera: null });
    view.camera?.forEach((value, index) =>
      assert.ok(Math.abs(value - (back.camera?.[index] ?? NaN)) < 0.051),
    );
    assert.equal(back.camera === null, view.camera === null);
  }
});

test("the empty view is no hash", () => {
  assert.equal(writeHash(emptyView), "");
});

test("a broken address does no harm", () => {
  const nothing = emptyView;
  for (const hash of [
    "",
    "#",
    "#v=",
    "#v=1,2",
    "#v=1,x,3",
    "#v=1,Infinity,3",
    "#s=",
    "#off=",
    "#%%%",
    "#s=%E0%A4%A",
  ]) {
    assert.deepEqual(readHash(hash), nothing, hash);
  }
  assert.equal(readHash("#v=nonsense&s=abc").selected, "abc");
});
