"""Urbis over the wire: the built program as a server on a folder of its own, asked by `POST /sql`, answers as Arrow IPC.

The HTTP client is a socket and little more, as the other servers are asked by little more than a socket. Urbis in process
is a program of its own that speaks PROTOCOL.md and needs nothing here.

A point is an observation, its class a datastream, its id the number of the observation less one: points are loaded first,
in their order, and the store counts from 1. Commits are observations of datastreams of their own, which the questions
leave out. Areas and buildings are things, moving objects are things with fixes.
"""

import json
import os
import socket
import subprocess
import time
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely

from contestants.base import Contestant, between, bytes_on_disk, wkt

SETTINGS = {"URBIS_LOG": "warn", "URBIS_SQL_ROWS": "100000000", "URBIS_SQL_DEADLINE_S": "900", "URBIS_SQL_AT_ONCE": "4"}
ADDRESS, KEY = "address.txt", "key.txt"
END_OF_HEAD = b"\r\n\r\n"
CLASSES = 21  # of points; datastreams 1 to 21 are theirs, the next as many those of commits
SAID = {"crs": "OGC:CRS84", "height_reference": "ellipsoid", "unit": "1", "dataset": "comparison"}
THINGS = 10_000  # in one document
CLIENT_IDS = 10**12
CLIENT_US = 300  # between the instants of the clients' commits: points have whole milliseconds
OF_POINTS = f"datastream <= {CLASSES}"
PLACE = "ST_Point(lon, lat)"


class UrbisOverTheWire(Contestant):
    """Needs `URBIS_PROGRAM`, which `run.py --urbis` sets."""

    name = "Urbis, over the wire"
    kind = "over the wire"
    clients = "processes"
    relative, metres = 1e-9, 0.001
    notes = "POST /sql, keep-alive, Arrow IPC; rows by POST /observations and /positions"

    def __init__(self, data: Path, store: Path, scale: float) -> None:
        super().__init__(data, store, scale)
        self.server: subprocess.Popen[str] | None = None
        self.program = os.environ["URBIS_PROGRAM"]

    def start(self) -> None:
        listen = ["--listen", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--data", str(self.store / "data")]
        command = ["setpriv", "--pdeathsig", "TERM", self.program, "serve", *listen]
        self.server = subprocess.Popen(command, env=os.environ | SETTINGS, stdout=subprocess.PIPE, text=True)
        assert self.server.stdout is not None
        for line in self.server.stdout:
            if line.startswith("key:"):
                (self.store / KEY).write_text(line.split()[1])
            if line.startswith("page:"):
                (self.store / ADDRESS).write_text(line.removeprefix("page:").strip().removeprefix("http://").rstrip("/"))
                return
        raise RuntimeError("the server did not start")

    def connect(self) -> None:
        host, port = (self.store / ADDRESS).read_text().split(":")
        self.host = f"host: {host}:{port}\r\nauthorization: Bearer {(self.store / KEY).read_text()}\r\n"
        self.head = f"POST /sql?format=arrow HTTP/1.1\r\n{self.host}content-type: text/plain\r\ncontent-length: "
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def version(self) -> str:
        return subprocess.run([self.program, "--version"], check=True, capture_output=True, text=True).stdout.strip()

    def load(self, table: str) -> int:
        before = bytes_on_disk(self.store)
        if table == "points":
            self.declare_datastreams()
            self.send("/observations?bulk=true", map(self.readings, self.batches(table, 65_536)))
        elif table == "movers":
            for batch in self.batches(table, THINGS):
                self.describe({"id": f"mover-{n}", "kind": "vehicle"} for n in batch["id"].to_pylist())
                self.send("/positions", [self.fixes(batch)])
        else:
            kinds = {"buildings": [("buildings", "building", "building")],
                     "areas": [("districts", "landuse", "district"), ("fences", "landuse", "fence")]}
            for file, kind, name in kinds[table]:
                self.load_shapes(file, kind, name)
        return bytes_on_disk(self.store) - before

    def declare_datastreams(self) -> None:
        """One for each class of points, and for each class of commits; on a thing of no place."""
        self.describe([{"id": "survey", "kind": "sensor"}])
        names = [f"{rows}-{n}" for rows in ("points", "commits") for n in range(CLASSES)]
        self.change({"datastream": {"id": name, "entity": "survey", "property": "value", "unit": "1"}} for name in names)

    def load_shapes(self, file: str, kind: str, name: str) -> None:
        """Things with a geometry."""
        for batch in self.batches(file, THINGS):
            texts = shapely.to_geojson(shapely.from_wkb(batch["geometry"].to_numpy(zero_copy_only=False)))
            self.describe({"id": f"{name}-{n}", "kind": kind, "class": name, "geometry": json.loads(text)}
                          for n, text in zip(batch["id"].to_pylist(), texts, strict=True))

    def describe(self, things: Any) -> None:
        """Writes things down as one commit."""
        self.change({"describe": thing} for thing in things)

    def change(self, changes: Any) -> None:
        """Writes changes down as one commit."""
        document = {"type": "Changes", "dataset": SAID["dataset"], "changes": list(changes)}
        answer = json.loads(self.post("/changes", "application/json", json.dumps(document).encode()))
        if answer["rejected"]:
            raise RuntimeError(f"refused: {answer['first_rejected']}")

    def readings(self, points: pa.RecordBatch, first: int = 1, later_us: int = 0) -> pa.RecordBatch:
        """Points as readings, of datastreams from this number on, so much later."""
        instants = pc.cast(pc.cast(points["ts"], pa.timestamp("us", tz="UTC")), pa.int64())
        columns = {
            "datastream": pc.add(pc.cast(points["class"], pa.uint64()), pa.scalar(first, pa.uint64())),
            "phenomenon_time": pc.cast(pc.add(instants, later_us), pa.timestamp("us", tz="UTC")),
            "value": points["value"],
            "lon": points["lon"],
            "lat": points["lat"],
            "height_m": points["height"],
        }
        return said(columns)

    def fixes(self, places: pa.RecordBatch) -> pa.RecordBatch:
        """Places of moving objects, now."""
        now = pa.scalar(time.time_ns() // 1_000, pa.timestamp("us", tz="UTC"))
        names = pc.binary_join_element_wise("mover", pc.cast(places["id"], pa.string()), "-")
        return said({"source_id": names, "time": pa.repeat(now, len(places)), "lon": places["lon"], "lat": places["lat"]})

    def commit(self, batch: pa.RecordBatch) -> None:
        """A reading of one instant is there once: rows that come again, and those of the two clients, differ in it."""
        client, done = divmod(batch["id"][0].as_py(), CLIENT_IDS)
        rounds = done // (self.again // len(batch) * len(batch))
        self.send("/observations", [self.readings(batch, CLASSES + 1, rounds + client * CLIENT_US)])

    @cached_property
    def again(self) -> int:
        """After how many rows the first comes again."""
        return pq.read_metadata(self.data / "points.parquet").row_group(0).num_rows

    def stored(self) -> int:
        return self.columns(self.ask(f"SELECT count(*) FROM observations WHERE datastream > {CLASSES}"))[0][0]

    def move(self, batch: pa.RecordBatch) -> None:
        self.send("/positions", [self.fixes(batch)])

    def send(self, path: str, batches: Any) -> None:
        """Rows as an Arrow stream, chunk by chunk; all must be taken or be there."""
        batches = iter(batches)
        first = next(batches)
        head = f"POST {path} HTTP/1.1\r\n{self.host}content-type: application/vnd.apache.arrow.stream\r\n"
        if "bulk" not in path:
            return self.check(self.post(path, "application/vnd.apache.arrow.stream", stream(first)))
        self.socket.sendall(f"{head}transfer-encoding: chunked\r\n\r\n".encode())
        with pa.ipc.new_stream(Chunks(self.socket), first.schema) as writer:
            writer.write_batch(first)
            for batch in batches:
                writer.write_batch(batch)
        self.socket.sendall(b"0\r\n\r\n")
        self.check(self.received())

    def check(self, answer: bytes) -> None:
        """Raises where rows were refused."""
        told = json.loads(answer)
        if told["refused"]:
            raise RuntimeError(f"refused: {told['refused']}, {told['first_refused'][:3]}")

    def close(self) -> None:
        if self.server is not None:
            self.server.terminate()
            self.server.wait(timeout=120)

    def ask(self, sql: str) -> bytes:
        """The body of the whole answer."""
        body = sql.encode()
        self.socket.sendall(f"{self.head}{len(body)}\r\n\r\n".encode() + body)
        return self.received()

    def post(self, path: str, kind: str, body: bytes) -> bytes:
        """The answer to a body."""
        head = f"POST {path} HTTP/1.1\r\n{self.host}content-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
        self.socket.sendall(head.encode() + body)
        return self.received()

    def received(self) -> bytes:
        """The body of the next answer."""
        received = bytearray()
        while (end := received.find(END_OF_HEAD)) < 0:
            received += self.more(1 << 16)
        head = received[:end].decode().lower()
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
        missing = end + len(END_OF_HEAD) + int(fields["content-length"]) - len(received)
        parts = [bytes(received[end + len(END_OF_HEAD):])]
        while missing > 0:
            parts.append(self.more(min(missing, 1 << 20)))
            missing -= len(parts[-1])
        whole = b"".join(parts)
        if not head.startswith("http/1.1 200"):
            raise RuntimeError(whole.decode(errors="replace")[:300])
        if "urbis-truncated" in fields:
            raise RuntimeError(f"the answer was cut: {fields['urbis-truncated']}")
        return whole

    def more(self, most: int) -> bytes:
        """What has arrived."""
        data = self.socket.recv(most)
        if not data:
            raise RuntimeError("the server hung up")
        return data

    def columns(self, answer: bytes) -> list[list]:
        """Columns as the questions mean them: numbers of points from 0, names without what they are of, cells as numbers."""
        table = pa.ipc.open_stream(answer).read_all()
        meant = {"id": lambda n: n - 1, "source_id": lambda name: int(name.rsplit("-", 1)[1]),
                 "entity": lambda id: self.movers[id], "cell": lambda text: int(text, 16)}
        columns = zip(table.column_names, table.columns, strict=True)
        return [[meant[name](value) for value in column.to_pylist()] if name in meant else column.to_pylist()
                for name, column in columns]

    def box(self, question: dict) -> Any:
        return self.ask(f"SELECT id FROM observations WHERE {between(question['box'])} AND {OF_POINTS}")

    def count(self, question: dict) -> Any:
        return self.ask(f"SELECT count(*) FROM observations WHERE {between(question['box'])} AND {OF_POINTS}")

    def radius(self, question: dict) -> Any:
        return self.ask(f"SELECT id FROM observations WHERE {metres(question)} <= {question['metres']!r} AND {OF_POINTS}")

    def nearest(self, question: dict) -> Any:
        rows = f"SELECT id FROM observations WHERE {OF_POINTS}"
        return self.ask(f"{rows} ORDER BY {metres(question)} LIMIT {question['count']}")

    def polygon(self, question: dict) -> Any:
        area = f"ST_GeomFromText('{wkt(question['ring'])}')"
        return self.ask(f"SELECT id FROM observations WHERE ST_Intersects({area}, {PLACE}) AND {OF_POINTS}")

    def nearby(self, question: dict) -> Any:
        return self.ask(f"SELECT entity FROM latest_positions WHERE {metres(question)} <= {question['metres']!r}")

    @cached_property
    def movers(self) -> dict[str, int]:
        """The number of each moving object by the id it was given."""
        answer = self.ask("SELECT id, source_id FROM entities WHERE kind = 'vehicle'")
        table = pa.ipc.open_stream(answer).read_all()
        ids, names = (column.to_pylist() for column in table.columns)
        return {id: int(name.rsplit("-", 1)[1]) for id, name in zip(ids, names, strict=True)}

    def buildings(self, question: dict) -> Any:
        west, south, east, north = question["box"]
        corners = wkt([[west, south], [east, south], [east, north], [west, north], [west, south]])
        meets = f"ST_Intersects(geometry, ST_GeomFromText('{corners}'))"
        return self.ask(f"SELECT source_id, geometry FROM entities WHERE {meets} AND class = 'building'")

    def points_in(self, areas: str) -> Any:
        """Number of points in each area."""
        return self.ask(f"""SELECT a.source_id, count(*) AS n FROM entities a JOIN observations b
            ON ST_Intersects(a.geometry, ST_Point(b.lon, b.lat)) WHERE a.class = '{areas}' AND b.{OF_POINTS}
            GROUP BY a.source_id""")

    def points_by_district(self, question: dict) -> Any:
        return self.points_in("district")

    def points_by_fence(self, question: dict) -> Any:
        return self.points_in("fence")

    def buildings_by_district(self, question: dict) -> Any:
        return self.ask("""SELECT a.source_id, count(*) AS n FROM entities a JOIN entities b
            ON ST_Intersects(a.geometry, b.geometry) WHERE a.class = 'district' AND b.class = 'building'
            GROUP BY a.source_id""")

    def cells_of_district(self, question: dict) -> Any:
        when = "CAST(o.phenomenon_time AS BIGINT)"
        rows = f"""(SELECT o.* FROM entities a JOIN observations o ON ST_Intersects(a.geometry, ST_Point(o.lon, o.lat))
            WHERE a.class = 'district' AND a.source_id = 'district-{question['district']}' AND o.{OF_POINTS}
            AND {when} >= {question['from_ms'] * 1000} AND {when} < {question['until_ms'] * 1000})"""
        return self.ask(cells(rows))

    def cells_of_everything(self, question: dict) -> Any:
        rows = f"(SELECT * FROM observations WHERE {OF_POINTS})"
        return self.ask(f"SELECT count(*), sum(n), sum(m) FROM ({cells(rows)})")


class Chunks:
    """Writes what it is given as chunks of an HTTP body."""

    closed = False

    def __init__(self, to: socket.socket) -> None:
        self.to = to

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        if size:
            self.to.sendall(b"%x\r\n" % size)
            self.to.sendall(data)
            self.to.sendall(b"\r\n")
        return size

    def flush(self) -> None:
        """Nothing is held back."""


def said(columns: dict[str, Any]) -> pa.RecordBatch:
    """Columns with what holds for all rows."""
    batch = pa.RecordBatch.from_pydict(columns)
    return batch.replace_schema_metadata(SAID)


def stream(batch: pa.RecordBatch) -> bytes:
    """A batch as an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def metres(question: dict) -> str:
    """In SQL: the distance from a place, along the ellipsoid."""
    return f"ST_DistanceSpheroid({PLACE}, ST_Point({question['lon']!r}, {question['lat']!r}))"


def cells(rows: str) -> str:
    """Number and mean by cell and hour."""
    return f"""SELECT code_h3(lon, lat, 8) AS cell, CAST(phenomenon_time AS BIGINT) / 3600000000 AS hour, count(*) AS n,
        avg(value) AS m FROM {rows} GROUP BY 1, 2"""
