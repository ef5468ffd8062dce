"""SedonaDB, in process, its tables in memory: it has no store of its own and no index over a table.

Boxes are found quickest by comparing two columns of numbers. Distances are planar with the ellipsoid's scale at the place
asked about.
"""

import warnings
from importlib.metadata import version
from typing import Any

import pyarrow as pa

from contestants.base import PLANAR_METRES, PLANAR_RELATIVE, Contestant, NotRun, between, box_around, square_metres, wkt

JOIN = "SELECT a.id, count(*) AS n FROM {areas} a JOIN {bodies} b ON ST_Intersects(a.geom, b.geom) GROUP BY a.id"
CELLS = """SELECT cell, CAST(ts AS BIGINT) / 3600000 AS hour, count(*) AS n, avg(CAST(value AS DOUBLE)) AS m
    FROM {rows} GROUP BY 1, 2"""


class SedonaDb(Contestant):
    """Tables in memory."""

    name = "SedonaDB"
    kind = "in process"
    clients = "threads"
    tables = ("points", "buildings", "areas")
    relative, metres = PLANAR_RELATIVE, PLANAR_METRES
    cold = False
    notes = "tables in memory, no index, nothing durable; boxes by comparing lon and lat; answers as Arrow"

    def start(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it misses GDAL, which nothing here needs
            import sedonadb  # noqa: PLC0415 - it warns when it is loaded
        self.client = sedonadb.connect()

    def version(self) -> str:
        return f"SedonaDB {version('sedonadb')}"

    def load(self, table: str) -> int:
        if table == "points":
            self.keep("points", "*, ST_Point(lon, lat) AS geom")
        elif table == "buildings":
            shape = "ST_GeomFromWKB(geometry)"
            edges = ", ".join(f"{edge}({shape}) AS {name}" for edge, name in
                              (("ST_XMin", "west"), ("ST_YMin", "south"), ("ST_XMax", "east"), ("ST_YMax", "north")))
            self.keep("buildings", f"id, geometry, {shape} AS geom, {edges}")
        else:
            for name in ("districts", "fences"):
                self.keep(name, "id, ST_GeomFromWKB(geometry) AS geom")
        return 0

    def keep(self, table: str, columns: str) -> None:
        """Reads a file into memory."""
        self.client.read_parquet(str(self.data / f"{table}.parquet")).to_view("file", overwrite=True)
        self.client.sql(f"SELECT {columns} FROM file").to_memtable().to_view(table)

    def ask(self, text: str) -> pa.Table:
        """The whole answer."""
        return pa.table(self.client.sql(text))

    def box(self, question: dict) -> Any:
        return self.ask(f"SELECT id FROM points WHERE {between(question['box'])}")

    def count(self, question: dict) -> Any:
        return self.ask(f"SELECT count(*) FROM points WHERE {between(question['box'])}")

    def radius(self, question: dict) -> Any:
        metres = question["metres"]
        near = between(box_around(question, metres))
        return self.ask(f"SELECT id FROM points WHERE {near} AND {square_metres(question)} <= {metres * metres}")

    def nearest(self, question: dict) -> Any:
        return self.ask(f"SELECT id FROM points ORDER BY {square_metres(question)} LIMIT {question['count']}")

    def polygon(self, question: dict) -> Any:
        x, y = zip(*question["ring"], strict=True)
        near = between([min(x), min(y), max(x), max(y)])
        area = f"ST_GeomFromText('{wkt(question['ring'])}')"
        return self.ask(f"SELECT id FROM points WHERE {near} AND ST_Intersects({area}, geom)")

    def buildings(self, question: dict) -> Any:
        west, south, east, north = question["box"]
        corners = wkt([[west, south], [east, south], [east, north], [west, north], [west, south]])
        return self.ask(f"""SELECT id, geometry FROM buildings
            WHERE west <= {east} AND east >= {west} AND south <= {north} AND north >= {south}
            AND ST_Intersects(ST_GeomFromText('{corners}'), geom)""")

    def points_by_district(self, question: dict) -> Any:
        return self.ask(JOIN.format(areas="districts", bodies="points"))

    def points_by_fence(self, question: dict) -> Any:
        return self.ask(JOIN.format(areas="fences", bodies="points"))

    def buildings_by_district(self, question: dict) -> Any:
        return self.ask(JOIN.format(areas="districts", bodies="buildings"))

    def cells_of_district(self, question: dict) -> Any:
        rows = f"""(SELECT p.cell, p.ts, p.value FROM (SELECT * FROM districts WHERE id = {question['district']}) d
            JOIN (SELECT * FROM points WHERE CAST(ts AS BIGINT) >= {question['from_ms']}
            AND CAST(ts AS BIGINT) < {question['until_ms']}) p ON ST_Intersects(d.geom, p.geom))"""
        return self.ask(CELLS.format(rows=rows))

    def cells_of_everything(self, question: dict) -> Any:
        return self.ask(f"SELECT count(*), sum(n), sum(m) FROM ({CELLS.format(rows='points')})")

    def commit(self, batch: pa.RecordBatch) -> None:
        raise NotRun("no durable store")
