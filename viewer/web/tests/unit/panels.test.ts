// What panels compute before they draw.
import assert from "node:assert/strict";
import { test } from "node:test";

import type { Reading } from "../../src/api/types";
import { extent, sparkPath } from "../../src/panels/chart";
import { rampCss, shownLegends } from "../../src/panels/legend";
import { spread } from "../../src/panels/labels";
import { mergeReadings } from "../../src/panels/readings";
import { kindIcon } from "../../src/panels/search";
import { pauseMs } from "../../src/viewer/host";
import { wheelPixels } from "../../src/viewer/input";

const series: Reading[] = [
  [0, 10],
  [1e6, 20],
  [2e6, Number.NaN],
  [4e6, 15],
];

test("a sparkline goes through its readings from left to right, high values high", () => {
  assert.equal(sparkPath(series, 84, 24), "M2.0 22.0L22.0 2.0L82.0 12.0");
  assert.equal(sparkPath([[0, 1]], 84, 24), "");
  assert.equal(
    sparkPath(
      [
        [0, 3],
        [9, 3],
      ],
      84,
      24,
    ),
    "M2.0 12.0L82.0 12.0",
  );
});

test("the extent leaves out what is no number", () => {
  assert.deepEqual(extent(series), [10, 20]);
  assert.equal(extent([[0, Number.NaN]]), null);
});

test("two series become one in time order, the newer winning", () => {
  assert.deepEqual(
    mergeReadings(
      [
        [1, 1],
        [2, 2],
      ],
      [
        [2, 5],
        [3, 3],
      ],
    ),
    [
      [1, 1],
      [2, 5],
      [3, 3],
    ],
  );
});

test("a ramp's stops stand where their values are", () => {
  const legend = {
    property: "pm25",
    unit: "ug/m3",
    min: 0,
    max: 200,
    stops: [
      [0, "#000000"],
      [50, "#888888"],
      [200, "#ffffff"],
    ] as [number, string][],
    count: 3,
    shown: true,
  };
  assert.equal(rampCss(legend), "linear-gradient(90deg, #000000 0.0%, #888888 25.0%, #ffffff 100.0%)");
  const other = { ...legend, property: "noise", shown: false };
  assert.deepEqual(shownLegends([legend, other]), [legend]);
});

test("every kind has an icon", () => {
  assert.equal(kindIcon("sensor"), "radio");
  assert.equal(kindIcon("something new"), "pin");
});

test("a wheel counts in pixels, lines or pages", () => {
  assert.equal(wheelPixels({ deltaY: 3, deltaMode: 0 }, 800), 3);
  assert.equal(wheelPixels({ deltaY: 3, deltaMode: 1 }, 800), 48);
  assert.equal(wheelPixels({ deltaY: 1, deltaMode: 2 }, 800), 800);
});

test("names that lie over each other or over a panel are left out, the nearest stays", () => {
  const label = (id: string, x: number, y: number, layer = "buildings") => ({
    id,
    name: "Tower",
    layer,
    x,
    y,
  });
  const all = [
    label("a", 100, 100),
    label("b", 110, 104),
    label("c", 300, 100),
    label("d", 500, 100, "vehicles"),
  ];
  assert.deepEqual(
    spread(all).map((one) => one.id),
    ["a", "c"],
  );
  assert.deepEqual(
    spread(all, [{ left: 250, right: 400, top: 0, bottom: 200 }]).map((one) => one.id),
    ["a"],
  );
  assert.equal(spread(all, [], 1).length, 1);
});

test("slow frames leave time to the panels, quick ones none", () => {
  assert.equal(pauseMs(16), 0);
  assert.equal(pauseMs(300), 150);
  assert.equal(pauseMs(9000), 500);
});
