"""Urbis over the wire: the built program as a server on a folder of its own, asked by `POST /sql`, answers as Arrow IPC.

The HTTP client is a socket and little more, as the other servers are asked by little more than a socket. Urbis in process
is a program of its own that speaks PROTOCOL.md and needs nothing here.
"""

import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pyarrow as pa

from contestants.base import PLANAR_METRES, PLANAR_RELATIVE, Contestant, between, box_around, square_metres, wkt

SETTINGS = {"URBIS_LOG": "warn", "URBIS_SQL_ROWS": "100000000", "URBIS_SQL_DEADLINE_S": "900", "URBIS_SQL_AT_ONCE": "4"}
ADDRESS = "address.txt"
END_OF_HEAD = b"\r\n\r\n"


class UrbisOverTheWire(Contestant):
    """Needs `URBIS_PROGRAM`, which `run.py --urbis` sets."""

    name = "Urbis, over the wire"
    kind = "over the wire"
    clients = "processes"
    relative, metres = PLANAR_RELATIVE, PLANAR_METRES
    notes = "POST /sql, keep-alive, Arrow IPC"

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
            if line.startswith("page:"):
                (self.store / ADDRESS).write_text(line.removeprefix("page:").strip().removeprefix("http://").rstrip("/"))
                return
        raise RuntimeError("the server did not start")

    def connect(self) -> None:
        host, port = (self.store / ADDRESS).read_text().split(":")
        self.head = f"POST /sql?format=arrow HTTP/1.1\r\nhost: {host}:{port}\r\ncontent-type: text/plain\r\ncontent-length: "
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def version(self) -> str:
        return subprocess.run([self.program, "--version"], check=True, capture_output=True, text=True).stdout.strip()

    def load(self, table: str) -> int:
        """Brings a table in, and says its bytes on disk (`bytes_on_disk(self.store)` before and after).

        To be filled in when the program has a way to take rows in bulk over HTTP: `self.data / f"{table}.parquet"` holds
        them, and the questions below name the tables and columns that they expect afterwards.
        """
        raise NotImplementedError("no way yet to load rows with their columns over HTTP")

    def close(self) -> None:
        if self.server is not None:
            self.server.terminate()
            self.server.wait(timeout=120)

    def ask(self, sql: str) -> bytes:
        """The body of the whole answer."""
        body = sql.encode()
        self.socket.sendall(f"{self.head}{len(body)}\r\n\r\n".encode() + body)
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
        table = pa.ipc.open_stream(answer).read_all()
        return [column.to_pylist() for column in table.columns]

    def box(self, question: dict) -> Any:
        return self.ask(f"SELECT id FROM points WHERE {between(question['box'])}")

    def count(self, question: dict) -> Any:
        return self.ask(f"SELECT count(*) FROM points WHERE {between(question['box'])}")

    def radius(self, question: dict) -> Any:
        return self.within("points", question)

    def nearby(self, question: dict) -> Any:
        return self.within("movers", question)

    def within(self, table: str, question: dict) -> Any:
        """Ids within a distance, planar: to be written with our own function once there is one."""
        metres = question["metres"]
        near = between(box_around(question, metres))
        return self.ask(f"SELECT id FROM {table} WHERE {near} AND {square_metres(question)} <= {metres * metres}")

    def nearest(self, question: dict) -> Any:
        return self.ask(f"SELECT id FROM points ORDER BY {square_metres(question)} LIMIT {question['count']}")

    def polygon(self, question: dict) -> Any:
        x, y = zip(*question["ring"], strict=True)
        near = between([min(x), min(y), max(x), max(y)])
        area = f"ST_GeomFromText('{wkt(question['ring'])}')"
        return self.ask(f"SELECT id FROM points WHERE {near} AND ST_Intersects({area}, ST_Point(lon, lat))")

    def buildings(self, question: dict) -> Any:
        west, south, east, north = question["box"]
        corners = wkt([[west, south], [east, south], [east, north], [west, north], [west, south]])
        return self.ask(f"SELECT id, geometry FROM buildings WHERE ST_Intersects(geometry, ST_GeomFromText('{corners}'))")

    def counted(self, areas: str, place: str, bodies: str) -> Any:
        """Number in each area."""
        return self.ask(f"""SELECT a.id, count(*) AS n FROM {areas} a JOIN {bodies} b
            ON ST_Intersects(a.geometry, {place}) GROUP BY a.id""")

    def points_by_district(self, question: dict) -> Any:
        return self.counted("districts", "ST_Point(b.lon, b.lat)", "points")

    def points_by_fence(self, question: dict) -> Any:
        return self.counted("fences", "ST_Point(b.lon, b.lat)", "points")

    def buildings_by_district(self, question: dict) -> Any:
        return self.counted("districts", "b.geometry", "buildings")

    def cells_of_district(self, question: dict) -> Any:
        rows = f"""(SELECT p.* FROM points p JOIN districts d ON ST_Intersects(d.geometry, ST_Point(p.lon, p.lat))
            WHERE d.id = {question['district']} AND CAST(p.ts AS BIGINT) >= {question['from_ms']}
            AND CAST(p.ts AS BIGINT) < {question['until_ms']})"""
        return self.ask(cells(rows))

    def cells_of_everything(self, question: dict) -> Any:
        return self.ask(f"SELECT count(*), sum(n), sum(m) FROM ({cells('points')})")


def cells(rows: str) -> str:
    """Number and mean by cell and hour."""
    return f"""SELECT cell, CAST(ts AS BIGINT) / 3600000 AS hour, count(*) AS n, avg(CAST(value AS DOUBLE)) AS m
        FROM {rows} GROUP BY 1, 2"""
