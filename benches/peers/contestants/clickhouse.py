"""ClickHouse, in process by chdb, MergeTree tables in its store.

Points are ordered by the Morton code of their place, which prunes boxes. Traps: a dictionary of polygons answers points x
districts ten times quicker, but keeps float32 and is wrong for thousands of points, so every area is asked by itself, a
constant in the question; `pointInPolygon` tells only points, so buildings meet a district by their corners or else by
`polygonsIntersectCartesian`. Distances are planar with the ellipsoid's scale at the place asked about.
"""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import shapely
from chdb.session import Session

from contestants.base import (
    PLANAR_METRES,
    PLANAR_RELATIVE,
    Contestant,
    between,
    box_around,
    bytes_on_disk,
    first_reach,
    square_metres,
)

COLUMNS = """id Int64, ts DateTime64(3, 'UTC'), lon Float64, lat Float64, height Float64, value Float32, class UInt8,
    cell Int64, x UInt32, y UInt32"""
CODE = "toUInt32((lon + 180) * 1e7) AS x, toUInt32((lat + 90) * 1e7) AS y"
SYNCED = "fsync_after_insert = 1, fsync_part_directory = 1"
CELLS = """SELECT cell, intDiv(toUnixTimestamp64Milli(ts), 3600000) AS hour, count() AS n, avg(toFloat64(value)) AS m
    FROM points {condition} GROUP BY cell, hour"""
AREAS_AT_ONCE = 10  # areas in one question


class ClickHouse(Contestant):
    """MergeTree tables by chdb."""

    name = "ClickHouse"
    kind = "in process"
    clients = "threads"
    tables = ("points", "buildings", "areas")
    relative, metres = PLANAR_RELATIVE, PLANAR_METRES
    notes = "chdb; MergeTree in Morton order, synced inserts, parts merged before it is asked; answers as Arrow"

    def start(self) -> None:
        self.client = Session(str(self.store / "tables"))
        self.client.query("CREATE DATABASE IF NOT EXISTS bench ENGINE = Atomic")
        self.client.query("USE bench")
        self.client.query("SET output_format_arrow_string_as_string = 0, max_query_size = 100000000")
        self.client.query("SET max_ast_elements = 100000000, max_expanded_ast_elements = 100000000")
        self.areas = {name: self.read(name)["geometry"].to_pylist() for name in ("districts", "fences")}

    def version(self) -> str:
        return f"ClickHouse {self.client.query('SELECT version()', 'TSV').data().strip()}"

    def load(self, table: str) -> int:
        before = bytes_on_disk(self.store)
        if table == "points":
            self.make_points("points")
            self.client.query(f"INSERT INTO points SELECT *, {CODE} FROM file('{self.data}/points.parquet')")
        elif table == "buildings":
            self.load_buildings()
            self.client.query("OPTIMIZE TABLE points FINAL")
            self.make_points("commits")
        else:
            for name in ("districts", "fences"):
                self.client.query(
                    f"CREATE TABLE {name} (id Int64, body Polygon) ENGINE = MergeTree ORDER BY id SETTINGS {SYNCED}")
                self.client.query(f"""INSERT INTO {name} SELECT id, readWKBPolygon(assumeNotNull(geometry))
                    FROM file('{self.data}/{name}.parquet')""")
        return bytes_on_disk(self.store) - before

    def make_points(self, table: str) -> None:
        """A table of points."""
        self.client.query(f"""CREATE TABLE {table} ({COLUMNS}) ENGINE = MergeTree ORDER BY mortonEncode(x, y)
            SETTINGS index_granularity = 1024, {SYNCED}""")

    def load_buildings(self) -> None:
        """Id, WKB, corners and bounds."""
        self.client.query(f"""CREATE TABLE buildings (id Int64, geometry String, body Polygon, west Float64, south Float64,
            east Float64, north Float64, x UInt32, y UInt32,
            INDEX bounds (west, south, east, north) TYPE minmax GRANULARITY 1)
            ENGINE = MergeTree ORDER BY mortonEncode(x, y) SETTINGS index_granularity = 1024, {SYNCED}""")
        bounds = """arrayMin(v -> v.1, body[1]) AS west, arrayMin(v -> v.2, body[1]) AS south,
            arrayMax(v -> v.1, body[1]) AS east, arrayMax(v -> v.2, body[1]) AS north"""
        self.client.query(f"""INSERT INTO buildings SELECT id, assumeNotNull(geometry) AS wkb, readWKBPolygon(wkb) AS body,
            {bounds}, toUInt32((west + 180) * 1e7), toUInt32((south + 90) * 1e7)
            FROM file('{self.data}/buildings.parquet')""")
        self.client.query("OPTIMIZE TABLE buildings FINAL")

    def close(self) -> None:
        self.client.close()

    def ask(self, text: str) -> Any:
        """The whole answer, an Arrow file in memory."""
        return self.client.query(text, "Arrow")

    def columns(self, answer: Any) -> list[list]:
        if isinstance(answer, tuple):
            return list(answer)
        table = pa.ipc.open_file(pa.py_buffer(answer.bytes())).read_all()
        return [column.to_pylist() for column in table.columns]

    def box(self, question: dict) -> Any:
        return self.ask(f"SELECT id FROM points WHERE {between_codes(question['box'])}")

    def count(self, question: dict) -> Any:
        return self.ask(f"SELECT count() FROM points WHERE {between_codes(question['box'])}")

    def radius(self, question: dict) -> Any:
        metres = question["metres"]
        near, far = between_codes(box_around(question, metres)), square_metres(question)
        return self.ask(f"SELECT id FROM points WHERE {near} AND {far} <= {metres * metres}")

    def nearest(self, question: dict) -> Any:
        wanted, reach, far = question["count"], first_reach(self.scale), square_metres(question)
        while True:
            near = between_codes(box_around(question, reach))
            found = self.ask(f"""SELECT id FROM points WHERE {near} AND {far} <= {reach * reach}
                ORDER BY {far} LIMIT {wanted}""")
            if len(self.columns(found)[0]) == wanted:
                return found
            reach *= 2

    def polygon(self, question: dict) -> Any:
        area = shapely.Polygon(question["ring"])
        return self.ask(f"SELECT id FROM points WHERE {inside(area.bounds, ring(area))}")

    def buildings(self, question: dict) -> Any:
        area = shapely.box(*question["box"])
        return self.ask(f"SELECT id, geometry FROM buildings WHERE {meeting(area.bounds, ring(area))}")

    def counted(self, areas: str, bodies: str, condition: Any) -> tuple[list[int], list[int]]:
        """Number in each area, some areas in one question."""
        shapes = list(enumerate(shapely.from_wkb(self.areas[areas])))
        ids: list[int] = []
        counts: list[int] = []
        for first in range(0, len(shapes), AREAS_AT_ONCE):
            some = shapes[first:first + AREAS_AT_ONCE]
            asked = [
                f"""(WITH {ring(area)} AS area SELECT toInt64({n}), count() FROM {bodies}
                WHERE {condition(area.bounds, 'area')})"""
                for n, area in some
            ]
            found = self.columns(self.ask(" UNION ALL ".join(asked)))
            ids += found[0]
            counts += found[1]
        return ids, counts

    def points_by_district(self, question: dict) -> Any:
        return self.counted("districts", "points", inside)

    def points_by_fence(self, question: dict) -> Any:
        return self.counted("fences", "points", inside)

    def buildings_by_district(self, question: dict) -> Any:
        return self.counted("districts", "buildings", meeting)

    def cells_of_district(self, question: dict) -> Any:
        area = shapely.from_wkb(self.areas["districts"][question["district"]])
        when = f"""ts >= fromUnixTimestamp64Milli({question['from_ms']}, 'UTC')
            AND ts < fromUnixTimestamp64Milli({question['until_ms']}, 'UTC')"""
        there = inside(area.bounds, kept("districts", question["district"]))
        return self.ask(CELLS.format(condition=f"WHERE {when} AND {there}"))

    def cells_of_everything(self, question: dict) -> Any:
        return self.ask(f"SELECT count(), sum(n), sum(m) FROM ({CELLS.format(condition='')})")

    def commit(self, batch: pa.RecordBatch) -> None:
        """One insert is one part, synced when it returns."""
        rows = pa.Table.from_batches([batch])  # noqa: F841 - chdb finds it by its name in the statement
        self.client.query(f"INSERT INTO commits SELECT *, {CODE} FROM Python(rows)")

    def stored(self) -> int:
        return int(self.client.query("SELECT count() FROM commits", "TSV").data())


def between_codes(box: Sequence[float]) -> str:
    """A condition on the place, and on its code for the index."""
    west, south, east, north = box
    codes = f"x BETWEEN {int((west + 180) * 1e7) - 1} AND {int((east + 180) * 1e7) + 1}"
    codes += f" AND y BETWEEN {int((south + 90) * 1e7) - 1} AND {int((north + 90) * 1e7) + 1}"
    return f"{codes} AND {between(box)}"


def ring(area: shapely.Polygon) -> str:
    """A polygon of one ring as a constant."""
    corners = shapely.get_coordinates(area).tolist()
    return f"[[{', '.join(f'({x!r}, {y!r})' for x, y in corners)}]]"


def kept(table: str, n: int) -> str:
    """A polygon of a table, read once for the question and then a constant."""
    return f"(SELECT body FROM {table} WHERE id = {n})"


def inside(bounds: Sequence[float], area: str) -> str:
    """A condition: the point is in the area."""
    return f"{between_codes(bounds)} AND pointInPolygon((lon, lat), {area})"


def meeting(bounds: Sequence[float], area: str) -> str:
    """A condition: the building meets the area; by a corner inside, or else wholly computed."""
    west, south, east, north = bounds
    return f"""west <= {east!r} AND east >= {west!r} AND south <= {north!r} AND north >= {south!r}
        AND (arrayExists(v -> pointInPolygon(v, {area}), body[1]) OR polygonsIntersectCartesian(body, {area}))"""
