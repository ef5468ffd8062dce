"""Right answers, found plainly: points sorted by latitude, a slice, a comparison with each; no tree, no database.

An answer holds what must come, and `near`: what lies so close to the edge of the question that one who measures on
another figure of the earth may take it or leave it, with its distance from that edge in metres. `equal` compares.
"""

import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely
from pyproj import Geod

SAMPLE = 20  # questions of each kind whose answers are compared
MOVES_BEFORE_NEARBY = 1_000  # moves that are made before `nearby` is compared
GEOD = Geod(ellps="WGS84")
METRES_PER_DEGREE = 111_195.0
HOUR_MS = 3_600_000


class Places:
    """Points, sorted by latitude."""

    def __init__(self, lon: np.ndarray, lat: np.ndarray) -> None:
        self.ids = np.argsort(lat, kind="stable")
        self.lon, self.lat = lon[self.ids], lat[self.ids]

    def window(self, west: float, south: float, east: float, north: float) -> np.ndarray:
        """Rows in a box, its edges counted in."""
        first, last = np.searchsorted(self.lat, south, "left"), np.searchsorted(self.lat, north, "right")
        lon = self.lon[first:last]
        return first + np.flatnonzero((lon >= west) & (lon <= east))

    def around(self, lon: float, lat: float, metres: float) -> tuple[np.ndarray, np.ndarray]:
        """Rows that may be within a distance, with their geodesic distances in metres."""
        dy = metres * 1.02 / METRES_PER_DEGREE
        dx = dy / np.cos(np.radians(lat))
        rows = self.window(lon - dx, lat - dy, lon + dx, lat + dy)
        near = np.full(len(rows), lon), np.full(len(rows), lat)
        return rows, GEOD.inv(*near, self.lon[rows], self.lat[rows])[2]

    def in_polygon(self, polygon: shapely.Polygon) -> np.ndarray:
        """Rows in a polygon."""
        shapely.prepare(polygon)
        rows = self.window(*polygon.bounds)
        return rows[shapely.contains_xy(polygon, self.lon[rows], self.lat[rows])]


def at_edge(ids: np.ndarray, margin: np.ndarray, size: float) -> list[list]:
    """Those nearer to the edge than 1 % of the question's size and 2 m, with how near."""
    rows = np.flatnonzero(margin <= 0.01 * size + 2)
    return [[int(ids[row]), round(float(margin[row]), 4)] for row in rows]


def box(places: Places, question: dict) -> dict:
    """Ids in a box."""
    west, south, east, north = question["box"]
    x, y, half = (west + east) / 2, (south + north) / 2, (north - south) / 2
    size = half * METRES_PER_DEGREE
    wide = half * 1.03 + 3e-5
    rows = places.window(x - wide, y - wide, x + wide, y + wide)
    lon, lat = places.lon[rows], places.lat[rows]
    inside = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
    over_x = (np.abs(lon - x) - half) * np.cos(np.radians(lat))
    margin = np.abs(np.maximum(over_x, np.abs(lat - y) - half)) * METRES_PER_DEGREE
    ids = places.ids[rows]
    return {"ids": np.sort(ids[inside]).tolist(), "size": size, "near": at_edge(ids, margin, size)}


def radius(places: Places, question: dict) -> dict:
    """Ids within a distance."""
    metres = question["metres"]
    rows, far = places.around(question["lon"], question["lat"], metres * 1.02 + 3)
    ids = places.ids[rows]
    near = at_edge(ids, np.abs(far - metres), metres)
    return {"ids": np.sort(ids[far <= metres]).tolist(), "size": metres, "near": near}


def nearest(places: Places, question: dict) -> dict:
    """The nearest ids, in no order; near are those that could change places with the last."""
    count, reach = question["count"], 100.0
    while True:
        rows, far = places.around(question["lon"], question["lat"], reach)
        if np.count_nonzero(far <= reach) >= 3 * count:
            break
        reach *= 2
    ids, edge = places.ids[rows], float(np.partition(far, count - 1)[count - 1])
    # Half the difference, since both distances of a pair that changes places may be measured wrong.
    near = at_edge(ids, np.abs(far - edge) / 2, edge)
    return {"ids": np.sort(ids[far <= edge]).tolist(), "exactly": count, "size": edge, "near": near}


def count(places: Places, question: dict) -> dict:
    """Number in a box."""
    answer = box(places, question)
    return {"count": len(answer["ids"]), "size": answer["size"], "near": [margin for _, margin in answer["near"]]}


def polygon(places: Places, question: dict) -> dict:
    """Ids in a polygon."""
    return {"ids": np.sort(places.ids[places.in_polygon(shapely.Polygon(question["ring"]))]).tolist()}


def shapes(folder: Path, name: str) -> np.ndarray:
    """Geometries of a file, in the order of their ids."""
    return shapely.from_wkb(pq.read_table(folder / f"{name}.parquet")["geometry"].to_numpy(zero_copy_only=False))


def checksum(geometry: bytes) -> int:
    """CRC-32 of a WKB."""
    return zlib.crc32(geometry)


def buildings(bodies: np.ndarray, question: dict) -> dict:
    """Ids and checksums of the shapes that meet a box."""
    area = shapely.box(*question["box"])
    ids = meeting(bodies, shapely.bounds(bodies), area)
    return {"rows": [[int(n), checksum(shapely.to_wkb(bodies[n], byte_order=1))] for n in ids]}


def meeting(bodies: np.ndarray, bounds: np.ndarray, area: shapely.Polygon) -> np.ndarray:
    """Numbers of the shapes that meet an area."""
    west, south, east, north = area.bounds
    rows = np.flatnonzero(
        (bounds[:, 0] <= east) & (bounds[:, 2] >= west) & (bounds[:, 1] <= north) & (bounds[:, 3] >= south))
    shapely.prepare(area)
    return rows[shapely.intersects(area, bodies[rows])]


def counted(counts: Iterable[int]) -> dict:
    """Number by id, none left out but the empty."""
    return {"counts": [[n, int(many)] for n, many in enumerate(counts) if many]}


def cells(table: pa.Table) -> pa.Table:
    """Number and mean of value by cell and hour."""
    hour = pc.divide(table["ts"].cast(pa.int64()), HOUR_MS)
    grouped = table.select(["cell"]).append_column("hour", hour).append_column("value", table["value"].cast("float64"))
    return grouped.group_by(["cell", "hour"]).aggregate([("value", "count"), ("value", "mean")])


def cells_of_district(places: Places, areas: np.ndarray, table: pa.Table, question: dict) -> dict:
    """Cells and hours of one district and some days."""
    rows = table.take(np.sort(places.ids[places.in_polygon(areas[question["district"]])]))
    when = rows["ts"].cast(pa.int64())
    rows = rows.filter(pc.and_(pc.greater_equal(when, question["from_ms"]), pc.less(when, question["until_ms"])))
    found = cells(rows).sort_by([("cell", "ascending"), ("hour", "ascending")])
    return {"cells": [list(row.values()) for row in found.to_pylist()]}


def cells_of_everything(table: pa.Table) -> dict:
    """Groups, rows and the sum of the groups' means."""
    found = cells(table)
    return {"sums": [len(found), pc.sum(found["value_count"]).as_py(), pc.sum(found["value_mean"]).as_py()]}


def nearby(folder: Path, questions: list[dict]) -> dict:
    """Moving objects within a distance, after the first moves."""
    objects, moves = pq.read_table(folder / "movers.parquet"), pq.read_table(folder / "moves.parquet")
    lon, lat = objects["lon"].to_numpy().copy(), objects["lat"].to_numpy().copy()
    moves = moves.slice(0, MOVES_BEFORE_NEARBY)
    for n, x, y in zip(moves["id"].to_pylist(), moves["lon"].to_pylist(), moves["lat"].to_pylist(), strict=True):
        lon[n], lat[n] = x, y
    places = Places(lon, lat)
    return {question["id"]: radius(places, question) for question in questions}


def answers(folder: Path, asks: dict[str, dict]) -> dict[str, dict]:
    """By name of what is asked and id of the question, for a sample of each."""
    sample = {name: asked["questions"][:SAMPLE] for name, asked in asks.items()}
    table = pq.read_table(folder / "points.parquet", columns=["ts", "lon", "lat", "value", "cell"])
    places = Places(table["lon"].to_numpy(), table["lat"].to_numpy())
    table = table.drop_columns(["lon", "lat"])
    bodies, areas, fences = (shapes(folder, name) for name in ("buildings", "districts", "fences"))
    found: dict[str, dict] = {}
    plain = {
        "box_small": box, "box_medium": box, "box_large": count, "radius": radius, "nearest": nearest, "polygon": polygon,
    }
    for name, answer in plain.items():
        found[name] = {question["id"]: answer(places, question) for question in sample[name]}
    found["buildings"] = {question["id"]: buildings(bodies, question) for question in sample["buildings"]}
    of_points = {"points_by_district": areas, "points_by_fence": fences}
    for name, polygons in of_points.items():
        found[name] = {name: counted(len(places.in_polygon(area)) for area in polygons)}
    bounds = shapely.bounds(bodies)
    of_buildings = counted(len(meeting(bodies, bounds, area)) for area in areas)
    found["buildings_by_district"] = {"buildings_by_district": of_buildings}
    found["cells_of_district"] = {
        question["id"]: cells_of_district(places, areas, table, question) for question in sample["cells_of_district"]
    }
    found["cells_of_everything"] = {"cells_of_everything": cells_of_everything(table)}
    found["nearby"] = nearby(folder, sample["nearby"])
    return found


def equal(right: dict[str, Any], given: Any, relative: float, metres: float) -> bool:
    """Whether a given answer is the right one, with this tolerance of distances (a share of the size, and metres)."""
    tolerance = relative * right.get("size", 0.0) + metres
    if "ids" in right:
        doubtful = {n for n, margin in right["near"] if margin <= tolerance} if "near" in right else set()
        wrong = set(right["ids"]) ^ set(given)
        return len(given) == len(set(given)) == right.get("exactly", len(given)) and wrong <= doubtful
    if "count" in right:
        return abs(right["count"] - given) <= sum(margin <= tolerance for margin in right["near"])
    if "rows" in right:
        return right["rows"] == sorted(list(row) for row in given)
    if "counts" in right:
        return right["counts"] == sorted(list(row) for row in given if row[1])
    if "cells" in right:
        return same_cells(right["cells"], sorted(list(row) for row in given))
    groups, rows, means = given
    return right["sums"][:2] == [groups, rows] and bool(np.isclose(right["sums"][2], means, rtol=1e-9))


def same_cells(right: list[list], given: list[list]) -> bool:
    """The same cells, hours and numbers, and means to 1e-6 of their value."""
    keys = [row[:3] for row in right] == [row[:3] for row in given]
    return keys and bool(np.allclose([row[3] for row in right], [row[3] for row in given], rtol=1e-6))
