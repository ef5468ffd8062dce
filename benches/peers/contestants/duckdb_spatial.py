"""DuckDB with its spatial extension, in process, a database file in its store.

Traps: the R-tree is used only where the spatial predicate stands alone in WHERE and its box is a constant, so distances
are measured in a second step, over what the index gave. A large box is found quicker by scanning two columns of numbers.
"""

from pathlib import Path
from typing import Any

import duckdb
import duckdb_extension_spatial
import pyarrow as pa

from contestants.base import Contestant, between, box_around, box_text, bytes_on_disk, first_reach, wkt

FILE = "points.duckdb"
POINT_COLUMNS = "id, ts, lon, lat, height, value, class, cell, ST_Point(lon, lat) AS geom"
JOIN = """SELECT a.id, count(*) FROM {bodies} b JOIN {areas} a ON ST_Intersects(a.geom, b.geom) GROUP BY a.id"""
CELLS = "SELECT cell, epoch_ms(ts) // 3600000 AS hour, count(*) AS n, avg(value::DOUBLE) AS m FROM {rows} GROUP BY ALL"


class DuckDb(Contestant):
    """A database file with R-trees."""

    name = "DuckDB spatial"
    kind = "in process"
    clients = "threads"
    tables = ("points", "buildings", "areas")
    relative, metres = 1e-6, 0.001
    notes = "R-tree on geometry; large boxes and W6 by scanning lon and lat; answers as Arrow"

    def start(self) -> None:
        self.client = duckdb.connect(str(self.store / FILE))
        folder = Path(duckdb_extension_spatial.__file__).parent / "extensions" / f"v{duckdb.__version__}"
        self.client.execute(f"LOAD '{folder / 'spatial.duckdb_extension'}'")
        self.client.execute("SET TimeZone = 'UTC'")

    def another(self) -> "DuckDb":
        other = DuckDb(self.data, self.store, self.scale)
        other.client = self.client.cursor()
        return other

    def version(self) -> str:
        return f"DuckDB {duckdb.__version__}"

    def load(self, table: str) -> int:
        before = bytes_on_disk(self.store)
        if table == "points":
            self.client.execute(f"CREATE TABLE points AS SELECT {POINT_COLUMNS} FROM '{self.data}/points.parquet'")
            self.client.execute("CREATE INDEX points_geom ON points USING RTREE (geom)")
        elif table == "buildings":
            self.load_shapes("buildings")
            self.client.execute("CREATE TABLE commits AS FROM points LIMIT 0")
            self.client.execute("CREATE INDEX commits_geom ON commits USING RTREE (geom)")
        else:
            self.load_shapes("districts")
            self.load_shapes("fences")
        self.client.execute("CHECKPOINT")
        return bytes_on_disk(self.store) - before

    def load_shapes(self, table: str) -> None:
        """Id and geometry, indexed."""
        self.client.execute(
            f"CREATE TABLE {table} AS SELECT id, ST_GeomFromWKB(geometry) AS geom FROM '{self.data}/{table}.parquet'")
        self.client.execute(f"CREATE INDEX {table}_geom ON {table} USING RTREE (geom)")

    def close(self) -> None:
        self.client.close()

    def ask(self, text: str) -> pa.Table:
        """The whole answer."""
        return self.client.execute(text).to_arrow_table()

    def box(self, question: dict) -> Any:
        return self.ask(f"SELECT id FROM points WHERE ST_Intersects(geom, ST_MakeEnvelope({box_text(question['box'])}))")

    def count(self, question: dict) -> Any:
        return self.ask(f"SELECT count(*) FROM points WHERE {between(question['box'])}")

    def around(self, question: dict, metres: float) -> str:
        """Ids with their geodesic distances, of the points in a box that holds a circle."""
        x, y = question["lon"], question["lat"]
        box = box_text(box_around(question, metres))
        # The function takes latitude first.
        return f"""WITH near AS MATERIALIZED
            (SELECT id, lon, lat FROM points WHERE ST_Intersects(geom, ST_MakeEnvelope({box}))),
            far AS (SELECT id, ST_Distance_Spheroid(ST_Point2D(lat, lon), ST_Point2D({y}, {x})) AS metres FROM near)"""

    def radius(self, question: dict) -> Any:
        metres = question["metres"]
        return self.ask(f"{self.around(question, metres)} SELECT id FROM far WHERE metres <= {metres}")

    def nearest(self, question: dict) -> Any:
        """The index knows no nearest: a circle that grows until it holds enough."""
        wanted, reach = question["count"], first_reach(self.scale)
        while True:
            found = self.ask(f"""{self.around(question, reach)}
                SELECT id FROM far WHERE metres <= {reach} ORDER BY metres LIMIT {wanted}""")
            if len(found) == wanted:
                return found
            reach *= 2

    def polygon(self, question: dict) -> Any:
        return self.ask(f"SELECT id FROM points WHERE ST_Intersects(geom, ST_GeomFromText('{wkt(question['ring'])}'))")

    def buildings(self, question: dict) -> Any:
        box = box_text(question["box"])
        return self.ask(
            f"SELECT id, ST_AsWKB(geom)::BLOB AS wkb FROM buildings WHERE ST_Intersects(geom, ST_MakeEnvelope({box}))")

    def points_by_district(self, question: dict) -> Any:
        return self.ask(JOIN.format(areas="districts", bodies="points"))

    def points_by_fence(self, question: dict) -> Any:
        return self.ask(JOIN.format(areas="fences", bodies="points"))

    def buildings_by_district(self, question: dict) -> Any:
        return self.ask(JOIN.format(areas="districts", bodies="buildings"))

    def cells_of_district(self, question: dict) -> Any:
        district = f"(SELECT geom FROM districts WHERE id = {question['district']})"
        bounds = self.client.execute(
            f"SELECT ST_XMin(geom), ST_YMin(geom), ST_XMax(geom), ST_YMax(geom) FROM {district}").fetchone()
        assert bounds is not None
        return self.ask(f"""WITH near AS MATERIALIZED (SELECT cell, ts, value, geom FROM points
            WHERE {between(bounds)}
            AND ts >= make_timestamptz({question['from_ms'] * 1000})
            AND ts < make_timestamptz({question['until_ms'] * 1000})),
            inside AS (SELECT cell, ts, value FROM near WHERE ST_Intersects({district}, geom))
            {CELLS.format(rows='inside')}""")

    def cells_of_everything(self, question: dict) -> Any:
        return self.ask(f"SELECT count(*), sum(n)::BIGINT, sum(m) FROM ({CELLS.format(rows='points')})")

    def commit(self, batch: pa.RecordBatch) -> None:
        """One statement, one transaction: synced when it returns."""
        rows = pa.Table.from_batches([batch])
        self.client.register("incoming", rows)
        self.client.execute(f"INSERT INTO commits SELECT {POINT_COLUMNS} FROM incoming")

    def stored(self) -> int:
        row = self.client.execute("SELECT count(*) FROM commits").fetchone()
        assert row is not None
        return row[0]
