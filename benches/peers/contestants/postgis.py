"""PostGIS: a cluster of its own, on a Unix socket in its store, run as an unprivileged user.

Answers are received whole in the client's memory in the binary form (libpq's PGresult) and read only when compared.
Traps: `&&` compares boxes of float32, so an exact comparison follows it; parallel workers cost more than they bring in
small questions; an index on the polygons has the planner drive points x polygons from the points, so they have none;
`ST_Intersects(point, polygon)` takes seven times as long as with the polygon first; `extract` makes slow decimals.
"""

import struct
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
from psycopg import pq as libpq

from contestants.base import Contestant, box_around, unprivileged

SERVER_USER = "postgres"
EPOCH_US = 946_684_800_000_000  # PostgreSQL counts from 2000
POINT_WKB = np.frombuffer(struct.pack("<BII", 1, 0x20000001, 4326), dtype="u1")  # EWKB, little endian, with its SRID
COPY_HEAD = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
COPY_END = b"\xff\xff"
COPY_ROWS = 100_000
POINT_COLUMNS = "id int8, ts timestamptz, height float8, value float4, class int2, cell int8, geom geometry(Point, 4326)"
# (length, field) of each column of POINT_COLUMNS in a row of COPY's binary form, all of fixed width.
POINT_ROW = np.dtype([
    ("fields", ">i2"), ("l0", ">i4"), ("id", ">i8"), ("l1", ">i4"), ("ts", ">i8"), ("l2", ">i4"), ("height", ">f8"),
    ("l3", ">i4"), ("value", ">f4"), ("l4", ">i4"), ("class", ">i2"), ("l5", ">i4"), ("cell", ">i8"), ("l6", ">i4"),
    ("wkb", "u1", 9), ("lon", "<f8"), ("lat", "<f8"),
])
LENGTHS = {"fields": 7, "l0": 8, "l1": 8, "l2": 8, "l3": 4, "l4": 2, "l5": 8, "l6": 25}
BOX = "ST_MakeEnvelope($1, $2, $3, $4, 4326)"
IN_BOX = f"geom && {BOX} AND ST_X(geom) BETWEEN $1 AND $3 AND ST_Y(geom) BETWEEN $2 AND $4"
PLACE = "ST_SetSRID(ST_MakePoint($1, $2), 4326)"
# The place, the metres, and a box that holds the circle.
WITHIN = f"geom && ST_MakeEnvelope($4, $5, $6, $7, 4326) AND ST_DistanceSpheroid(geom, {PLACE}) <= $3"
JOIN = "SELECT a.id, count(*) FROM {areas} a JOIN {bodies} b ON ST_Intersects(a.geom, b.geom) GROUP BY a.id"
CELLS = """SELECT p.cell, date_trunc('hour', p.ts) AS hour, count(*) AS n, avg(p.value::float8) AS mean FROM {rows}
    GROUP BY 1, 2"""
DISTRICT = """points p, districts d WHERE d.id = $1 AND ST_Intersects(d.geom, p.geom)
    AND p.ts >= to_timestamp($2 / 1000.0) AND p.ts < to_timestamp($3 / 1000.0)"""
QUESTIONS = {
    "box": (f"SELECT id FROM points WHERE {IN_BOX}", "float8 float8 float8 float8"),
    "count": (f"SELECT count(*) FROM points WHERE {IN_BOX}", "float8 float8 float8 float8"),
    "radius": (f"SELECT id FROM points WHERE {WITHIN}", "float8 float8 float8 float8 float8 float8 float8"),
    "nearest": (f"SELECT id FROM points ORDER BY geom::geography <-> {PLACE}::geography LIMIT $3", "float8 float8 int8"),
    "polygon": ("SELECT id FROM points WHERE ST_Contains($1::geometry, geom)", "text"),
    "buildings": (f"SELECT id, ST_AsBinary(geom) FROM buildings WHERE ST_Intersects(geom, {BOX})",
                  "float8 float8 float8 float8"),
    "points_by_district": (JOIN.format(areas="districts", bodies="points"), ""),
    "points_by_fence": (JOIN.format(areas="fences", bodies="points"), ""),
    "buildings_by_district": (JOIN.format(areas="districts", bodies="buildings"), ""),
    "cells_of_district": (
        f"SELECT cell, (extract(epoch FROM hour) / 3600)::int8, n, mean FROM ({CELLS.format(rows=DISTRICT)}) c",
        "int8 int8 int8"),
    "cells_of_everything": (
        f"SELECT count(*), sum(n)::int8, sum(mean) FROM ({CELLS.format(rows='points p')}) c", ""),
    "nearby": (f"SELECT id FROM movers WHERE {WITHIN}", "float8 float8 float8 float8 float8 float8 float8"),
    "move": ("""UPDATE movers SET geom = ST_SetSRID(ST_MakePoint(m.lon, m.lat), 4326)
        FROM unnest($1::int8[], $2::float8[], $3::float8[]) AS m(id, lon, lat) WHERE movers.id = m.id""",
             "int8[] float8[] float8[]"),
}
PARALLEL = ("max_parallel_workers_per_gather = 2", "min_parallel_table_scan_size = 0", "parallel_setup_cost = 0")
# Reads of the binary form by the type's number.
READ = {20: ">q", 23: ">i", 701: ">d"}
BYTEA = 17


def newest_bin() -> Path:
    """The folder of the newest installed PostgreSQL's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise RuntimeError("PostgreSQL is not installed")
    return found[-1].parent


class PostGis(Contestant):
    """A PostgreSQL server of its own."""

    name = "PostGIS"
    kind = "over the wire"
    clients = "processes"
    relative, metres = 1e-6, 0.001
    notes = ("Unix socket, prepared statements, binary results; GiST on geometry, and on geography for the nearest; "
             "parallel workers in W5 and W6")

    def __init__(self, data: Path, store: Path, scale: float) -> None:
        super().__init__(data, store, scale)
        self.server: subprocess.Popen[bytes] | None = None
        self.cluster = store / "cluster"
        self.buffers_mb = int(min(4096, max(128, 4096 * scale)))

    def start(self) -> None:
        as_user = unprivileged(SERVER_USER, self.store, "INT")  # INT: do not wait for sessions
        programs = newest_bin()
        if not self.cluster.exists():
            command = [programs / "initdb", "-D", self.cluster, "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C"]
            subprocess.run([*as_user, *command], check=True, stdout=subprocess.DEVNULL, cwd="/")
        settings = {
            "listen_addresses": "", "unix_socket_directories": self.store, "shared_buffers": f"{self.buffers_mb}MB",
            "effective_cache_size": f"{2 * self.buffers_mb}MB", "maintenance_work_mem": f"{self.buffers_mb // 4}MB",
            "work_mem": f"{max(64, self.buffers_mb // 4)}MB", "hash_mem_multiplier": "4", "max_wal_size": "16GB",
            "checkpoint_timeout": "30min", "wal_level": "minimal", "max_wal_senders": "0", "jit": "off",
            "random_page_cost": "1.1", "max_parallel_workers_per_gather": "0", "max_parallel_maintenance_workers": "2",
            "fsync": "on", "synchronous_commit": "on",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        log = (self.store / "server.txt").open("ab")
        self.server = subprocess.Popen(
            [*as_user, programs / "postgres", "-D", self.cluster, *options], stdout=log, stderr=log, cwd="/")
        self.wait()

    def wait(self) -> None:
        """Until the server takes a connection; it may have to recover."""
        for _ in range(600):
            assert self.server is not None
            if self.server.poll() is not None:
                raise RuntimeError(f"the server ended: {(self.store / 'server.txt').read_text()[-500:]}")
            try:
                psycopg.connect(self.address(), autocommit=True).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.1)
        raise RuntimeError("the server does not answer")

    def address(self) -> str:
        """Where the server listens."""
        return f"host={self.store} user=bench dbname=postgres"

    def connect(self) -> None:
        self.client = psycopg.connect(self.address(), autocommit=True)
        self.client.execute("CREATE EXTENSION IF NOT EXISTS postgis")
        self.prepared: set[str] = set()

    def version(self) -> str:
        row = self.client.execute("SELECT current_setting('server_version'), postgis_lib_version()").fetchone()
        assert row is not None
        return f"PostGIS {row[1]}, PostgreSQL {row[0].split()[0]}"

    def load(self, table: str) -> int:
        return {"points": self.load_points, "buildings": self.load_buildings, "areas": self.load_areas,
                "movers": self.load_movers}[table]()

    def load_points(self) -> int:
        """COPY in the transaction that makes the table, so that it needs no log; then the index; then a checkpoint."""
        with self.client.transaction():
            self.client.execute(f"CREATE TABLE points ({POINT_COLUMNS})")
            self.copy_points("points", self.batches("points", COPY_ROWS))
        self.client.execute("CREATE INDEX points_geom ON points USING gist (geom)")
        self.client.execute("CHECKPOINT")
        return self.size("points")

    def load_buildings(self) -> int:
        self.load_shapes("buildings")
        # What W2a does not count: statistics, the index for distances, the table that commits go to.
        self.client.execute("CREATE INDEX points_geog ON points USING gist ((geom::geography))")
        self.client.execute("VACUUM ANALYZE points")
        self.client.execute(f"CREATE TABLE commits ({POINT_COLUMNS})")
        self.client.execute("CREATE INDEX ON commits USING gist (geom)")
        return self.size("buildings")

    def load_areas(self) -> int:
        self.load_shapes("districts", indexed=False)
        self.load_shapes("fences", indexed=False)
        return self.size("districts") + self.size("fences")

    def load_movers(self) -> int:
        with self.client.transaction():
            self.client.execute(
                "CREATE TABLE movers (id int8 PRIMARY KEY, geom geometry(Point, 4326)) WITH (fillfactor = 70)")
            with self.client.cursor().copy("COPY movers FROM STDIN") as copy:
                for batch in self.batches("movers", COPY_ROWS):
                    rows = zip(*(column.to_pylist() for column in batch.columns), strict=True)
                    copy.write("".join(f"{n}\tSRID=4326;POINT({x!r} {y!r})\n" for n, x, y in rows))
        self.client.execute("CREATE INDEX ON movers USING gist (geom)")
        self.client.execute("VACUUM ANALYZE movers")
        self.client.execute("CHECKPOINT")
        return self.size("movers")

    def load_shapes(self, table: str, indexed: bool = True) -> None:
        """Id and geometry."""
        with self.client.transaction():
            self.client.execute(f"CREATE TABLE {table} (id int8, geom geometry(Polygon, 4326)) WITH (parallel_workers = 2)")
            with self.client.cursor().copy(f"COPY {table} FROM STDIN") as copy:
                for batch in self.batches(table, COPY_ROWS):
                    rows = zip(*(column.to_pylist() for column in batch.columns), strict=True)
                    # The header of WKB, with the SRID put in: EWKB.
                    copy.write("".join(f"{n}\t0103000020E6100000{wkb[5:].hex()}\n" for n, wkb in rows))
        if indexed:
            self.client.execute(f"CREATE INDEX ON {table} USING gist (geom)")
        self.client.execute(f"VACUUM ANALYZE {table}")
        self.client.execute("CHECKPOINT")

    def copy_points(self, table: str, batches: Iterable[pa.RecordBatch]) -> None:
        """COPY in the binary form, whose rows are all of one width."""
        with self.client.cursor().copy(f"COPY {table} FROM STDIN (FORMAT binary)") as copy:
            copy.write(COPY_HEAD)
            for batch in batches:
                copy.write(point_rows(batch))
            copy.write(COPY_END)

    def size(self, table: str) -> int:
        """Bytes of a table with its indexes."""
        row = self.client.execute("SELECT pg_total_relation_size(%s::regclass)", (table,)).fetchone()
        assert row is not None
        return row[0]

    def close(self) -> None:
        if self.server is not None:
            self.client.close()
            self.server.terminate()  # setpriv became the server: SIGTERM lets the sessions end, then checkpoints
            self.server.wait(timeout=120)

    def ask(self, name: str, *arguments: Any) -> libpq.PGresult:
        """Sends a prepared question and receives its whole answer."""
        connection = self.client.pgconn
        if name not in self.prepared:
            text, types = QUESTIONS[name]
            oids = [psycopg.adapters.types[kind].oid if not kind.endswith("[]")
                    else psycopg.adapters.types[kind[:-2]].array_oid for kind in types.split()]
            connection.prepare(name.encode(), text.encode(), oids)
            self.prepared.add(name)
        given = [str(argument).encode() for argument in arguments]
        result = connection.exec_prepared(name.encode(), given, result_format=1)
        if result.status not in (libpq.ExecStatus.TUPLES_OK, libpq.ExecStatus.COMMAND_OK):
            raise RuntimeError(result.error_message.decode())
        return result

    def columns(self, answer: libpq.PGresult) -> list[list]:
        columns = []
        for column in range(answer.nfields):
            kind = answer.ftype(column)
            values = [answer.get_value(row, column) for row in range(answer.ntuples)]
            columns.append(values if kind == BYTEA else [struct.unpack(READ[kind], value)[0] for value in values])
        return columns

    def box(self, question: dict) -> Any:
        return self.ask("box", *question["box"])

    def count(self, question: dict) -> Any:
        return self.ask("count", *question["box"])

    def radius(self, question: dict) -> Any:
        return self.within("radius", question)

    def nearest(self, question: dict) -> Any:
        return self.ask("nearest", question["lon"], question["lat"], question["count"])

    def polygon(self, question: dict) -> Any:
        ring = ",".join(f"{x!r} {y!r}" for x, y in question["ring"])
        return self.ask("polygon", f"SRID=4326;POLYGON(({ring}))")

    def buildings(self, question: dict) -> Any:
        return self.ask("buildings", *question["box"])

    def parallel(self, name: str) -> Any:
        """A large question, with two processes."""
        for setting in PARALLEL:
            self.client.execute(f"SET {setting}")
        answer = self.ask(name)
        self.client.execute("RESET ALL")
        return answer

    def points_by_district(self, question: dict) -> Any:
        return self.parallel("points_by_district")

    def points_by_fence(self, question: dict) -> Any:
        return self.parallel("points_by_fence")

    def buildings_by_district(self, question: dict) -> Any:
        return self.parallel("buildings_by_district")

    def cells_of_district(self, question: dict) -> Any:
        return self.ask("cells_of_district", question["district"], question["from_ms"], question["until_ms"])

    def cells_of_everything(self, question: dict) -> Any:
        return self.parallel("cells_of_everything")

    def nearby(self, question: dict) -> Any:
        return self.within("nearby", question)

    def within(self, name: str, question: dict) -> Any:
        """Ids within a distance."""
        metres = question["metres"]
        return self.ask(name, question["lon"], question["lat"], metres, *box_around(question, metres))

    def commit(self, batch: pa.RecordBatch) -> None:
        self.copy_points("commits", [batch])

    def stored(self) -> int:
        row = self.client.execute("SELECT count(*) FROM commits").fetchone()
        assert row is not None
        return row[0]

    def move(self, batch: pa.RecordBatch) -> None:
        """One UPDATE; of an object that moves twice in a batch only the last place counts."""
        last = {n: (x, y) for n, x, y in zip(*(column.to_pylist() for column in batch.columns), strict=True)}
        ids = sorted(last)  # in one order, so that two writers cannot lock each other out
        places = [last[n] for n in ids]
        array = "{{{}}}".format
        self.ask("move", array(",".join(map(str, ids))), array(",".join(repr(x) for x, _ in places)),
                 array(",".join(repr(y) for _, y in places)))


def point_rows(batch: pa.RecordBatch) -> bytes:
    """Rows of POINT_COLUMNS in COPY's binary form."""
    rows = np.zeros(len(batch), dtype=POINT_ROW)
    for name, length in LENGTHS.items():
        rows[name] = length
    for name in ("id", "height", "value", "class", "cell", "lon", "lat"):
        rows[name] = batch[name].to_numpy()
    rows["ts"] = batch["ts"].cast(pa.int64()).to_numpy() * 1000 - EPOCH_US
    rows["wkb"] = POINT_WKB
    return rows.tobytes()
