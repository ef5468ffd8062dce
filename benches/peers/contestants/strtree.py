"""shapely's STRtree with numpy and pyarrow: everything in memory, nothing durable, no server. What a careful user of
geopandas gets at best.

The tree gives the nearest one, not the nearest ten: a box that grows. Distances are planar with the ellipsoid's scale at the
place asked about.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from contestants.base import PLANAR_METRES, PLANAR_RELATIVE, Contestant, NotRun, box_around, first_reach, local_metres

HOUR_MS = 3_600_000


class StrTree(Contestant):
    """Trees in memory."""

    name = "STRtree"
    kind = "in memory"
    clients = "threads"
    tables = ("points", "buildings", "areas")
    relative, metres = PLANAR_RELATIVE, PLANAR_METRES
    cold = False
    notes = "shapely, numpy, pyarrow; no server, nothing durable"

    def version(self) -> str:
        return f"shapely {shapely.__version__}, GEOS {shapely.geos_version_string}"

    def load(self, table: str) -> int:
        if table == "points":
            self.points = self.read("points")
            self.lon, self.lat = (self.points[name].to_numpy() for name in ("lon", "lat"))
            self.tree = built(shapely.points(self.lon, self.lat))
        elif table == "buildings":
            self.wkb = self.shapes("buildings")
            self.bodies = built(shapely.from_wkb(self.wkb))
        else:
            self.districts, self.fences = (shapely.from_wkb(self.shapes(name)) for name in ("districts", "fences"))
        return 0

    def shapes(self, table: str) -> np.ndarray:
        """WKB of a file."""
        return self.read(table)["geometry"].to_numpy(zero_copy_only=False)

    def columns(self, answer: Any) -> list[list]:
        return [np.asarray(column).tolist() for column in answer]

    def box(self, question: dict) -> Any:
        return (self.tree.query(shapely.box(*question["box"])),)  # of points the boxes are the answer

    def count(self, question: dict) -> Any:
        return ([len(self.tree.query(shapely.box(*question["box"])))],)

    def around(self, question: dict, reach: float) -> tuple[np.ndarray, np.ndarray]:
        """Ids and distances of the points in a box that holds a circle."""
        x, y = question["lon"], question["lat"]
        ids = self.tree.query(shapely.box(*box_around(question, reach)))
        east, north = local_metres(y)
        return ids, np.hypot((self.lon[ids] - x) * east, (self.lat[ids] - y) * north)

    def radius(self, question: dict) -> Any:
        ids, far = self.around(question, question["metres"])
        return (ids[far <= question["metres"]],)

    def nearest(self, question: dict) -> Any:
        wanted, reach = question["count"], first_reach(self.scale)
        while True:
            ids, far = self.around(question, reach)
            if np.count_nonzero(far <= reach) >= wanted:
                return (ids[np.argpartition(far, wanted - 1)[:wanted]],)
            reach *= 2

    def polygon(self, question: dict) -> Any:
        return (self.inside(shapely.Polygon(question["ring"])),)

    def inside(self, area: shapely.Polygon) -> np.ndarray:
        """Ids of the points in an area: those in its box, each looked at."""
        ids = self.tree.query(area)
        shapely.prepare(area)
        return ids[shapely.intersects_xy(area, self.lon[ids], self.lat[ids])]

    def buildings(self, question: dict) -> Any:
        ids = self.bodies.query(shapely.box(*question["box"]), predicate="intersects")
        return ids, self.wkb[ids]

    def counted(self, areas: np.ndarray) -> Any:
        """Number of points in each area."""
        return np.arange(len(areas)), [len(self.inside(area)) for area in areas]

    def points_by_district(self, question: dict) -> Any:
        return self.counted(self.districts)

    def points_by_fence(self, question: dict) -> Any:
        return self.counted(self.fences)

    def buildings_by_district(self, question: dict) -> Any:
        area, _ = self.bodies.query(self.districts, predicate="intersects")
        return np.arange(len(self.districts)), np.bincount(area, minlength=len(self.districts))

    def cells_of_district(self, question: dict) -> Any:
        rows = self.points.select(["ts", "cell", "value"]).take(self.inside(self.districts[question["district"]]))
        when = rows["ts"].cast(pa.int64())
        rows = rows.filter(pc.and_(pc.greater_equal(when, question["from_ms"]), pc.less(when, question["until_ms"])))
        return cells(rows).columns

    def cells_of_everything(self, question: dict) -> Any:
        found = cells(self.points)
        return [len(found)], [pc.sum(found["value_count"]).as_py()], [pc.sum(found["value_mean"]).as_py()]

    def commit(self, batch: pa.RecordBatch) -> None:
        raise NotRun("nothing durable")


def built(geometries: np.ndarray) -> shapely.STRtree:
    """A tree that is really built: it would build itself at the first question."""
    tree = shapely.STRtree(geometries)
    tree.query(shapely.Point(0, 0))
    return tree


def cells(rows: pa.Table) -> pa.Table:
    """Cell, hour, number and mean of value."""
    hour = pc.divide(rows["ts"].cast(pa.int64()), HOUR_MS)
    table = pa.table({"cell": rows["cell"], "hour": hour, "value": rows["value"].cast(pa.float64())})
    found = table.group_by(["cell", "hour"]).aggregate([("value", "count"), ("value", "mean")])
    return found.select(["cell", "hour", "value_count", "value_mean"])
