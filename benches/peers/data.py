"""Makes the data and the questions, the same ones on every machine: `data.py --scale 1 --out FOLDER`.

A folder holds Parquet files (zstd) and two JSON files. Degrees are WGS 84, heights metres, times UTC.

    points.parquet      id, ts, lon, lat, height, value, class, cell     10 M x scale   "P10M"
    buildings.parquet   id, geometry (WKB)                               1 M x scale    "B1M"
    districts.parquet   id, geometry                                     300            "D300", a partition of the box
    fences.parquet      id, geometry                                     10,000 x scale "G10k"
    movers.parquet      id, lon, lat                                     1 M x scale    where moving objects begin
    moves.parquet       id, lon, lat                                     1 M x scale    where they go, in this order
    questions.json      what is asked, every question with its id
    answers.json        the answers of a sample, by `reference.py`, which shares no code with any contestant

`cell` is the H3 cell of resolution 8 of the point itself (not the parent of a finer one). Rows are made in chunks, each
with its own seed, so that memory does not grow with the scale; fewer points or buildings are the first of more.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from h3ronpy.vector import coordinates_to_cells
from numpy.random import Generator

import reference

SEED = 42
VERSION = 1  # of the data: count it up when anything here changes what is written
WEST, EAST, SOUTH, NORTH = 115.7, 117.4, 39.4, 41.1
CLUSTERS, SIGMA, CLUSTERED = 200, 0.01, 0.6
FIRST_MS, DAYS = 1_790_784_000_000, 30  # 2026-10-01T00:00:00Z
DAY_MS = 86_400_000
CELL_RESOLUTION = 8
METRES_PER_DEGREE = 111_195.0
CHUNK = 1_000_000
ASKED = 200
DISTRICTS_ACROSS, DISTRICTS_UP, EDGE_CORNERS = 20, 15, 50

POINTS = pa.schema([
    ("id", pa.int64()), ("ts", pa.timestamp("ms", tz="UTC")), ("lon", pa.float64()), ("lat", pa.float64()),
    ("height", pa.float64()), ("value", pa.float32()), ("class", pa.uint8()), ("cell", pa.int64()),
])
SHAPES = pa.schema([("id", pa.int64()), ("geometry", pa.binary())])
PLACES = pa.schema([("id", pa.int64()), ("lon", pa.float64()), ("lat", pa.float64())])


def random(stream: int, chunk: int = 0) -> Generator:
    """Random numbers of one chunk of one stream."""
    return np.random.default_rng([SEED, stream, chunk])


def places(rng: Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Longitudes and latitudes: 60 % in 200 gaussian clusters, the rest uniform, all in the box."""
    centres = random(0).uniform([WEST + 0.05, SOUTH + 0.05], [EAST - 0.05, NORTH - 0.05], (CLUSTERS, 2))
    uniform = rng.uniform([WEST, SOUTH], [EAST, NORTH], (count, 2))
    clustered = centres[rng.integers(0, CLUSTERS, count)] + rng.normal(0, SIGMA, (count, 2))
    place = np.where((rng.random(count) < CLUSTERED)[:, None], clustered, uniform)
    return place[:, 0].clip(WEST, EAST), place[:, 1].clip(SOUTH, NORTH)


def chunks(count: int) -> Iterator[tuple[int, int, int]]:
    """(number, first row, rows) of each chunk."""
    for number, first in enumerate(range(0, count, CHUNK)):
        yield number, first, min(CHUNK, count - first)


def points(number: int, first: int, count: int) -> pa.Table:
    """One chunk of P10M. All of a chunk is made and cut, so that a smaller scale is a beginning of a larger one."""
    rng = random(1, number)
    lon, lat = places(rng, CHUNK)
    ts = FIRST_MS + rng.integers(0, DAYS * DAY_MS, CHUNK)
    height = rng.uniform(0, 300, CHUNK)
    value = rng.normal(50, 15, CHUNK).astype(np.float32)
    kind = rng.integers(0, 21, CHUNK).astype(np.uint8)
    lon, lat, ts, height, value, kind = (column[:count] for column in (lon, lat, ts, height, value, kind))
    cell = pa.array(coordinates_to_cells(lat, lon, CELL_RESOLUTION)).cast(pa.int64())
    columns = [first + np.arange(count), pa.array(ts).cast(POINTS.field("ts").type), lon, lat, height, value, kind, cell]
    return pa.table(columns, schema=POINTS)


def stars(rng: Generator, lon: np.ndarray, lat: np.ndarray, corners: int, radius_m: np.ndarray) -> np.ndarray:
    """Simple polygons around the given centres: corners at growing angles, between 0.6 and 1 radii away."""
    count = len(lon)
    step = 2 * np.pi / corners
    angle = step * (np.arange(corners) + rng.uniform(-0.3, 0.3, (count, corners)))
    reach = radius_m[:, None] * rng.uniform(0.6, 1.0, (count, corners)) / METRES_PER_DEGREE
    x = lon[:, None] + reach * np.cos(angle) / np.cos(np.radians(lat))[:, None]
    y = lat[:, None] + reach * np.sin(angle)
    ring = np.stack([x, y], axis=-1)
    return shapely.polygons(np.concatenate([ring, ring[:, :1]], axis=1))


def shapes(first: int, polygons: np.ndarray) -> pa.Table:
    """A table of ids and WKB; refuses what is not valid."""
    assert shapely.is_valid(polygons).all(), "a polygon is not valid"
    return pa.table([first + np.arange(len(polygons)), list(shapely.to_wkb(polygons, byte_order=1))], schema=SHAPES)


def buildings(number: int, first: int, count: int) -> pa.Table:
    """One chunk of B1M: 4 to 12 corners, 10 to 80 m across."""
    rng = random(2, number)
    lon, lat = places(rng, CHUNK)
    corners = rng.integers(4, 13, CHUNK)
    radius = rng.uniform(5, 40, CHUNK)
    polygons = np.empty(CHUNK, dtype=object)
    for n in range(4, 13):
        these = corners == n
        polygons[these] = stars(rng, lon[these], lat[these], n, radius[these])
    return shapes(first, polygons[:count])


def fences(number: int, first: int, count: int) -> pa.Table:
    """One chunk of G10k: 20 corners, 100 to 1,000 m across."""
    rng = random(3, number)
    lon, lat = places(rng, count)
    return shapes(first, stars(rng, lon, lat, 20, rng.uniform(50, 500, count)))


def wavering(rng: Generator, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """An edge of 50 corners from start to (not including) end, that wavers as borders do, but little at its ends."""
    along = np.arange(EDGE_CORNERS) / EDGE_CORNERS
    waves = sum(rng.uniform(-1, 1) / k * np.sin(np.pi * k * along) for k in (1, 2, 3, 5, 8, 13))
    side = (end - start)[::-1] * [1, -1]
    return start + along[:, None] * (end - start) + 0.06 * (waves * np.sin(np.pi * along))[:, None] * side


def districts() -> pa.Table:
    """D300: 20 x 15 districts of 200 corners that share their edges and fill the box."""
    rng = random(4)
    x, y = np.linspace(WEST, EAST, DISTRICTS_ACROSS + 1), np.linspace(SOUTH, NORTH, DISTRICTS_UP + 1)
    nodes = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1)
    shift = rng.uniform(-0.15, 0.15, nodes.shape) * [x[1] - x[0], y[1] - y[0]]
    shift[[0, -1], :, 0] = 0
    shift[:, [0, -1], 1] = 0
    nodes += shift
    edges: dict[tuple[int, int, str], np.ndarray] = {}
    for i in range(DISTRICTS_ACROSS + 1):
        for j in range(DISTRICTS_UP + 1):
            for way, (di, dj) in (("right", (1, 0)), ("up", (0, 1))):
                if i + di > DISTRICTS_ACROSS or j + dj > DISTRICTS_UP:
                    continue
                start, end = nodes[i, j], nodes[i + di, j + dj]
                outer = (way == "right" and j in (0, DISTRICTS_UP)) or (way == "up" and i in (0, DISTRICTS_ACROSS))
                straight = start + (np.arange(EDGE_CORNERS) / EDGE_CORNERS)[:, None] * (end - start)
                edges[i, j, way] = straight if outer else wavering(rng, start, end)
    polygons = []
    for i in range(DISTRICTS_ACROSS):
        for j in range(DISTRICTS_UP):
            there = np.concatenate([edges[i, j, "right"], edges[i + 1, j, "up"]])
            back = np.concatenate([
                [nodes[i + 1, j + 1]], edges[i, j + 1, "right"][:0:-1], [nodes[i, j + 1]], edges[i, j, "up"][:0:-1],
            ])
            polygons.append(shapely.Polygon(np.concatenate([there, back])))
    return shapes(0, np.array(polygons))


def movers(number: int, first: int, count: int) -> pa.Table:
    """One chunk of the places at which moving objects begin."""
    lon, lat = places(random(5, number), count)
    return pa.table([first + np.arange(count), lon, lat], schema=PLACES)


def moves(number: int, count: int, objects: int) -> pa.Table:
    """One chunk of updates: any object, anywhere."""
    rng = random(6, number)
    lon, lat = places(rng, count)
    return pa.table([rng.integers(0, objects, count), lon, lat], schema=PLACES)


def half_width(lon: np.ndarray, lat: np.ndarray, x: float, y: float, wanted: int) -> float:
    """Half the side in degrees of the square around (x, y) that holds so many places, between two of them."""
    far = np.maximum(np.abs(lon - x), np.abs(lat - y))
    nearest = np.partition(far, [wanted - 1, wanted])
    return float(nearest[wanted - 1] + nearest[wanted]) / 2


def boxes(name: str, lon: np.ndarray, lat: np.ndarray, selectivity: float, rng: Generator) -> list[dict]:
    """Boxes around places of the data that hold the given share of them, at least one. Shares are found in a sample."""
    enough = min(len(lon), max(10_000, int(100 / selectivity), 1))
    lon, lat = lon[:enough], lat[:enough]
    wanted = max(1, round(selectivity * enough))
    questions = []
    for n, row in enumerate(rng.integers(0, enough, ASKED)):
        x, y = float(lon[row] + rng.normal(0, 1e-3)), float(lat[row] + rng.normal(0, 1e-3))
        half = half_width(lon, lat, x, y, wanted)
        box = [round(edge, 9) for edge in (x - half, y - half, x + half, y + half)]
        questions.append({"id": f"{name}-{n:03}", "box": box})
    return questions


def centres(name: str, lon: np.ndarray, lat: np.ndarray, rng: Generator, more: dict) -> list[dict]:
    """Questions about a place near the data."""
    rows = rng.integers(0, len(lon), ASKED)
    x, y = lon[rows] + rng.normal(0, 1e-3, ASKED), lat[rows] + rng.normal(0, 1e-3, ASKED)
    return [
        {"id": f"{name}-{n:03}", "lon": round(float(a), 7), "lat": round(float(b), 7), **more}
        for n, (a, b) in enumerate(zip(x, y, strict=True))
    ]


def polygons(lon: np.ndarray, lat: np.ndarray, rng: Generator) -> list[dict]:
    """Polygons of 50 corners, 1 to 6 km across."""
    rows = rng.integers(0, len(lon), ASKED)
    made = stars(rng, lon[rows], lat[rows], 50, rng.uniform(500, 3_000, ASKED))
    return [
        {"id": f"polygon-{n:03}", "ring": shapely.get_coordinates(polygon).round(7).tolist()}
        for n, polygon in enumerate(made)
    ]


def questions(folder: Path) -> dict[str, dict]:
    """What is asked: by name the workload, a sentence and the questions."""
    table = pq.read_table(folder / "points.parquet", columns=["lon", "lat"])
    lon, lat = (table[name].to_numpy() for name in ("lon", "lat"))
    rng = random(7)
    middle = shapely.get_coordinates(shapely.centroid(shapely.from_wkb(
        pq.read_table(folder / "buildings.parquet")["geometry"].to_numpy(zero_copy_only=False))))
    week = {"from_ms": FIRST_MS + 7 * DAY_MS, "until_ms": FIRST_MS + 14 * DAY_MS}
    places_asked = {
        "box_small": ("ids of the points in a box that holds 1e-6 of them", boxes("box_small", lon, lat, 1e-6, rng)),
        "box_medium": ("ids of the points in a box that holds 1e-4", boxes("box_medium", lon, lat, 1e-4, rng)),
        "box_large": ("number of points in a box that holds 1e-2", boxes("box_large", lon, lat, 1e-2, rng)),
        "radius": ("ids of the points within 500 m", centres("radius", lon, lat, rng, {"metres": 500.0})),
        "nearest": ("ids of the 10 nearest points", centres("nearest", lon, lat, rng, {"count": 10})),
        "polygon": ("ids of the points in a polygon of 50 corners", polygons(lon, lat, rng)),
        "buildings": ("ids and WKB of the buildings that meet a box that holds 1e-4 of them",
                      boxes("buildings", *middle.T, 1e-4, rng)),
    }
    asks = {name: {"workload": "w4", "text": text, "questions": asked} for name, (text, asked) in places_asked.items()}
    joins = {
        "points_by_district": "points in each district", "points_by_fence": "points in each fence",
        "buildings_by_district": "buildings that meet each district",
    }
    asks |= {name: {"workload": "w5", "text": text, "questions": [{"id": name}]} for name, text in joins.items()}
    busiest = rng.permutation(DISTRICTS_ACROSS * DISTRICTS_UP)[:20]
    of_districts = [{"id": f"cells_of_district-{d:03}", "district": int(d), **week} for d in busiest]
    asks["cells_of_district"] = {
        "workload": "w6", "questions": of_districts,
        "text": "cell, hour, number and mean of value, by H3 cell and hour, in one district and 7 days",
    }
    asks["cells_of_everything"] = {
        "workload": "w6", "questions": [{"id": "cells_of_everything"}],
        "text": "the same over all points: groups, rows, sum of the means",
    }
    asks["nearby"] = {
        "workload": "w3", "text": "ids of the moving objects within 500 m",
        "questions": centres("nearby", lon, lat, rng, {"metres": 500.0}),
    }
    return asks


def write(path: Path, tables: Iterator[pa.Table]) -> int:
    """Writes chunks one by one as Parquet; rows written."""
    rows, writer = 0, None
    for table in tables:
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table, row_group_size=CHUNK)
        rows += len(table)
    assert writer is not None, f"{path.name} is empty"
    writer.close()
    return rows


def make(folder: Path, scale: float) -> None:
    """Makes the folder, unless it is there, whole and of this version."""
    ready = folder / "answers.json"
    if ready.exists() and json.loads(ready.read_text())["version"] == VERSION:
        return
    ready.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    many = round(1_000_000 * scale)
    counts = {
        "points": write(folder / "points.parquet", (points(*chunk) for chunk in chunks(10 * many))),
        "buildings": write(folder / "buildings.parquet", (buildings(*chunk) for chunk in chunks(many))),
        "districts": write(folder / "districts.parquet", iter([districts()])),
        "fences": write(folder / "fences.parquet", (fences(*chunk) for chunk in chunks(max(1, many // 100)))),
        "movers": write(folder / "movers.parquet", (movers(*chunk) for chunk in chunks(many))),
        "moves": write(folder / "moves.parquet", (moves(n, rows, many) for n, _, rows in chunks(many))),
    }
    asked = {"version": VERSION, "scale": scale, "counts": counts, "asks": questions(folder)}
    (folder / "questions.json").write_text(json.dumps(asked))
    answers = {"version": VERSION, "asks": reference.answers(folder, asked["asks"])}
    ready.write_text(json.dumps(answers))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    make(arguments.out, arguments.scale)
