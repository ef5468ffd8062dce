"""Redis GEO: a server of its own on a Unix socket in its store; it holds ids and places, nothing else.

Traps: it measures on a sphere of 6,372,797.56 m and keeps places in 52 bits (half a metre), so answers are compared within
a tolerance; its box has sides in metres, so a box of degrees is asked by its sides at the parallel in the middle.
"""

import socket
import subprocess
import time
from collections.abc import Iterator
from math import cos, radians
from pathlib import Path
from typing import Any

import hiredis
import pyarrow as pa

from contestants.base import Contestant, NotRun, bytes_on_disk, first_reach, unprivileged

METRES_PER_DEGREE = 6_372_797.560856 * radians(1)
SERVER_USER = "redis"
MEMBERS = 1_000  # places in one command
# Number in a box without sending the ids.
COUNT = "return #redis.call('GEOSEARCH',KEYS[1],'FROMLONLAT',ARGV[1],ARGV[2],'BYBOX',ARGV[3],ARGV[4],'m')"
Command = tuple[Any, ...]


class RedisGeo(Contestant):
    """A Redis server of its own."""

    name = "Redis GEO"
    kind = "over the wire"
    clients = "processes"
    tables = ("points", "movers")
    relative, metres = 0.004, 1.2
    partial = True
    cold = False
    notes = "Unix socket; ids and places only; points saved once at the end, moves appended and synced (appendfsync always)"

    def __init__(self, data: Path, store: Path, scale: float) -> None:
        super().__init__(data, store, scale)
        self.server: subprocess.Popen[bytes] | None = None
        self.path = store / "socket"

    def start(self) -> None:
        as_user = unprivileged(SERVER_USER, self.store, "TERM")
        settings = {"port": "0", "unixsocket": self.path, "unixsocketperm": "777", "dir": self.store, "save": "",
                    "appendonly": "no", "appendfsync": "always", "dbfilename": "dump.rdb"}
        options = [str(part) for name, value in settings.items() for part in (f"--{name}", value)]
        log = (self.store / "server.txt").open("ab")
        self.server = subprocess.Popen([*as_user, "redis-server", *options], stdout=log, stderr=log, cwd="/")
        for _ in range(300):
            if self.path.exists():
                return
            if self.server.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(f"the server does not start: {(self.store / 'server.txt').read_text()[-500:]}")

    def connect(self) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(self.path))
        self.reader = hiredis.Reader()
        self.script = self.ask("SCRIPT", "LOAD", COUNT)

    def version(self) -> str:
        about = self.ask("INFO", "server").decode()
        return "Redis " + next(line.split(":")[1] for line in about.splitlines() if line.startswith("redis_version"))

    def ask(self, *command: Any) -> Any:
        """One command and its answer."""
        return self.pipeline([command])[0]

    def pipeline(self, commands: list[Command]) -> list[Any]:
        """Commands at once and their answers in order."""
        self.socket.sendall(b"".join(hiredis.pack_command(command) for command in commands))
        answers: list[Any] = []
        while len(answers) < len(commands):
            answer = self.reader.gets()
            if answer is False:
                data = self.socket.recv(1 << 20)
                if not data:
                    raise RuntimeError("the server hung up")
                self.reader.feed(data)
                continue
            if isinstance(answer, hiredis.ReplyError):
                raise RuntimeError(str(answer))
            answers.append(answer)
        return answers

    def load(self, table: str) -> int:
        if table == "points":
            self.add_all("points")
            self.ask("SAVE")
            return bytes_on_disk(self.store)
        if table == "movers":
            # From here on every acknowledged command is on the disk.
            self.add_all("movers")
            self.ask("CONFIG", "SET", "appendonly", "yes")
            while b"aof_rewrite_in_progress:0" not in self.ask("INFO", "persistence"):
                time.sleep(0.05)
            return 0
        raise NotRun("places only, no shapes")

    def add_all(self, table: str) -> None:
        """Adds a file's places, many in a command, few commands on the way."""
        for batch in self.batches(table, 10 * MEMBERS, ["id", "lon", "lat"]):
            parts = (batch.slice(first, MEMBERS) for first in range(0, len(batch), MEMBERS))
            self.pipeline([("GEOADD", table, *members(part)) for part in parts])

    def close(self) -> None:
        if self.server is not None:
            self.socket.close()
            self.server.terminate()
            self.server.wait(timeout=120)

    def columns(self, answer: Any) -> list[list]:
        return [[int(n) for n in answer]] if isinstance(answer, list) else [[answer]]

    def box(self, question: dict) -> Any:
        x, y, width, height = sides(question["box"])
        return self.ask("GEOSEARCH", "points", "FROMLONLAT", x, y, "BYBOX", width, height, "m")

    def count(self, question: dict) -> Any:
        return self.ask("EVALSHA", self.script, 1, "points", *sides(question["box"]))

    def radius(self, question: dict) -> Any:
        return self.within("points", question)

    def nearby(self, question: dict) -> Any:
        return self.within("movers", question)

    def within(self, table: str, question: dict) -> Any:
        """Ids within a distance."""
        place = question["lon"], question["lat"]
        return self.ask("GEOSEARCH", table, "FROMLONLAT", *place, "BYRADIUS", question["metres"], "m")

    def nearest(self, question: dict) -> Any:
        """There is no search for the nearest: a radius that grows until it holds enough."""
        wanted, radius = question["count"], first_reach(self.scale)
        place = question["lon"], question["lat"]
        while True:
            found = self.ask("GEOSEARCH", "points", "FROMLONLAT", *place, "BYRADIUS", radius, "m", "ASC", "COUNT", wanted)
            if len(found) == wanted:
                return found
            radius *= 2

    def polygon(self, question: dict) -> Any:
        raise NotRun("no polygons")

    def buildings(self, question: dict) -> Any:
        raise NotRun("places only, no shapes")

    def points_by_district(self, question: dict) -> Any:
        raise NotRun("no polygons")

    points_by_fence = buildings_by_district = points_by_district

    def cells_of_district(self, question: dict) -> Any:
        raise NotRun("no aggregation")

    cells_of_everything = cells_of_district

    def commit(self, batch: pa.RecordBatch) -> None:
        raise NotRun("ids and places only, no rows")

    def move(self, batch: pa.RecordBatch) -> None:
        """The answer comes after the sync of the append-only file."""
        self.ask("GEOADD", "movers", *members(batch))


def members(batch: pa.RecordBatch) -> Iterator[Any]:
    """Longitude, latitude and id of each, one after the other."""
    for n, x, y in zip(*(batch[name].to_pylist() for name in ("id", "lon", "lat")), strict=True):
        yield from (x, y, n)


def sides(box: list[float]) -> tuple[float, float, float, float]:
    """Middle of a box, its width on the parallel of the middle and its height, metres on Redis's earth."""
    west, south, east, north = box
    y = (south + north) / 2
    return (west + east) / 2, y, (east - west) * cos(radians(y)) * METRES_PER_DEGREE, (north - south) * METRES_PER_DEGREE
