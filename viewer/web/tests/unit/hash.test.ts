// A view survives its address; a broken address does no harm.
import assert from "node:assert/strict";
import { test } from "node:test";

import { readHash, writeHash, type View } from "../../src/hash";

test("a view survives its address", () => {
  const views: View[] = [
    { camera: null, selected: null, off: [] },
    { camera: [116.3124567, 39.9841234, 420.5, 30, -35.25], selected: null, off: ["roads"] },
    { camera: [-70, -33.4, 12_000.52], selected: "0197c2a0-04bc-70bc-800e-a421fc0004bc", off: [] },
    { camera: null, selected: "a&b=c,d #é", off: ["a,b", "point_clouds"] },
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
  assert.equal(writeHash({ camera: null, selected: null, off: [] }), "");
});

test("a broken address does no harm", () => {
  const nothing = { camera: null, selected: null, off: [] };
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
