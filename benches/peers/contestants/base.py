"""What every contestant is: a store with tables, and one method for each thing that is asked."""

import os
import pwd
import shutil
import zlib
from collections.abc import Iterator, Sequence
from math import cos, radians, sin
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

METRES_PER_DEGREE = 111_195.0

# Asks that share a method.
METHODS = {"box_small": "box", "box_medium": "box", "box_large": "count"}


class NotRun(Exception):
    """The contestant does not do this; the text says why."""


class Contestant:
    """One peer. Methods that ask give the answer as the engine's client gives it; `columns` reads it."""

    name = ""
    kind = "in process"  # or "over the wire", "in memory"
    clients = "one"  # or "threads", "processes": how two clients ask at once
    tables = ("points", "buildings", "areas", "movers")
    relative, metres = 0.0, 0.0  # tolerance of distances: a share of the question's size, and metres
    partial = False  # keeps ids and places only, so that its load is not compared
    cold = True  # a closed store can be opened again
    notes = ""

    def __init__(self, data: Path, store: Path, scale: float) -> None:
        self.data, self.store, self.scale = data, store, scale

    def version(self) -> str:
        """Name and version of the engine."""
        raise NotImplementedError

    def start(self) -> None:
        """Opens the store, or makes it; starts the server, if there is one."""

    def connect(self) -> None:
        """Connects to the started server as one more client."""

    def another(self) -> "Contestant":
        """A second client for another thread."""
        return self

    def load(self, table: str) -> int:
        """Brings a table in, indexed and durable; its bytes on disk."""
        raise NotRun("not written")

    def close(self) -> None:
        """Ends the server; what was acknowledged stays."""

    def box(self, question: dict) -> Any:
        """Ids of the points in a box."""
        raise NotRun("not written")

    def count(self, question: dict) -> Any:
        """Number of the points in a box."""
        raise NotRun("not written")

    def radius(self, question: dict) -> Any:
        """Ids of the points within a distance."""
        raise NotRun("not written")

    def nearest(self, question: dict) -> Any:
        """Ids of the nearest points."""
        raise NotRun("not written")

    def polygon(self, question: dict) -> Any:
        """Ids of the points in a polygon."""
        raise NotRun("not written")

    def buildings(self, question: dict) -> Any:
        """Ids and WKB of the buildings that meet a box."""
        raise NotRun("not written")

    def points_by_district(self, question: dict) -> Any:
        """Id and number."""
        raise NotRun("not written")

    def points_by_fence(self, question: dict) -> Any:
        """Id and number."""
        raise NotRun("not written")

    def buildings_by_district(self, question: dict) -> Any:
        """Id and number."""
        raise NotRun("not written")

    def cells_of_district(self, question: dict) -> Any:
        """Cell, hour, number, mean."""
        raise NotRun("not written")

    def cells_of_everything(self, question: dict) -> Any:
        """Groups, rows, sum of the means."""
        raise NotRun("not written")

    def nearby(self, question: dict) -> Any:
        """Ids of the moving objects within a distance."""
        raise NotRun("has no moving objects")

    def commit(self, batch: pa.RecordBatch) -> None:
        """Adds rows to `commits`; durable when it returns."""
        raise NotRun("has no durable commits")

    def stored(self) -> int:
        """Rows in `commits`."""
        raise NotRun("has no durable commits")

    def move(self, batch: pa.RecordBatch) -> None:
        """Sets places of moving objects; durable when it returns."""
        raise NotRun("has no moving objects")

    def columns(self, answer: Any) -> list[list]:
        """An answer as columns of Python values; Arrow, unless the contestant says otherwise."""
        return [column.to_pylist() for column in answer.columns]

    def read(self, table: str, columns: list[str] | None = None) -> pa.Table:
        """A file of the data."""
        return pq.read_table(self.data / f"{table}.parquet", columns=columns)

    def batches(self, table: str, rows: int, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        """A file of the data, so many rows at a time."""
        return pq.ParquetFile(self.data / f"{table}.parquet").iter_batches(rows, columns=columns)


def method(contestant: Contestant, ask: str) -> Any:
    """The method that answers an ask."""
    return getattr(contestant, METHODS.get(ask, ask))


def answer(contestant: Contestant, ask: str, given: Any) -> Any:
    """An answer in the form that PROTOCOL.md describes."""
    columns = contestant.columns(given)
    if ask == "box_large":
        return columns[0][0]
    if ask == "buildings":
        return [[n, zlib.crc32(bytes(wkb))] for n, wkb in zip(*columns, strict=True)]
    if ask == "cells_of_everything":
        return [column[0] for column in columns]
    if ask.endswith(("_by_district", "_by_fence")) or ask == "cells_of_district":
        return [list(row) for row in zip(*columns, strict=True)]
    return list(columns[0])


def unprivileged(user: str, store: Path, signal: str) -> list[str]:
    """What to put before a server's command: it gets this signal when we are gone, and when we are root it runs as
    another user, to whom the store is made over."""
    prefix = ["setpriv", "--pdeathsig", signal]
    if os.geteuid() == 0:
        who = pwd.getpwnam(user)
        shutil.chown(store, who.pw_uid, who.pw_gid)
        prefix += [f"--reuid={who.pw_uid}", f"--regid={who.pw_gid}", "--clear-groups"]
    return prefix


def bytes_on_disk(folder: Path) -> int:
    """Bytes that the files under a folder take on the disk."""
    files = (Path(at) / name for at, _, names in os.walk(folder) for name in names)
    return sum(file.stat().st_blocks * 512 for file in files)


def box_text(box: list[float]) -> str:
    """West, south, east, north as SQL arguments."""
    return ", ".join(repr(edge) for edge in box)


def wkt(ring: list[list[float]]) -> str:
    """A ring of places as WKT."""
    return f"POLYGON(({', '.join(f'{x!r} {y!r}' for x, y in ring)}))"


def first_reach(scale: float) -> float:
    """Metres within which ten points are mostly found: where a search for the nearest begins that must grow."""
    return 250.0 / scale**0.5


def degrees_around(lat: float, metres: float) -> tuple[float, float]:
    """Half the sides, in degrees of longitude and latitude, of a box that surely holds a circle."""
    half = metres * 1.01 / METRES_PER_DEGREE
    return half / cos(radians(lat)), half


def local_metres(lat: float) -> tuple[float, float]:
    """Metres of a degree of longitude and of latitude on the ellipsoid at a place: for those who measure in the plane."""
    axis, flattening = 6_378_137.0, 1 / 298.257223563
    eccentric = flattening * (2 - flattening)
    rest = 1 - eccentric * sin(radians(lat)) ** 2
    return radians(1) * axis / rest**0.5 * cos(radians(lat)), radians(1) * axis * (1 - eccentric) / rest**1.5


def between(box: Sequence[float]) -> str:
    """A condition in SQL on lon and lat."""
    west, south, east, north = box
    return f"lon BETWEEN {west!r} AND {east!r} AND lat BETWEEN {south!r} AND {north!r}"


def square_metres(question: dict) -> str:
    """In SQL: the square of the distance from a place, in the plane."""
    x, y = question["lon"], question["lat"]
    east, north = local_metres(y)
    dx, dy = f"((lon - {x!r}) * {east!r})", f"((lat - {y!r}) * {north!r})"
    return f"({dx} * {dx} + {dy} * {dy})"


def box_around(question: dict, metres: float) -> list[float]:
    """A box that holds a circle."""
    x, y = question["lon"], question["lat"]
    dx, dy = degrees_around(y, metres)
    return [x - dx, y - dy, x + dx, y + dy]


# Tolerance of those who measure so: a share of the distance, and metres.
PLANAR_RELATIVE, PLANAR_METRES = 3e-4, 0.01
