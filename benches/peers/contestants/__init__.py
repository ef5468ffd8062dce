"""The contestants by the name that `run.py --peers` takes. Modules are loaded only when they are wanted."""

from collections.abc import Callable
from importlib import import_module

from contestants.base import Contestant

CONTESTANTS = {
    "postgis": ("contestants.postgis", "PostGis"),
    "redis": ("contestants.redis_geo", "RedisGeo"),
    "duckdb": ("contestants.duckdb_spatial", "DuckDb"),
    "sedonadb": ("contestants.sedonadb_local", "SedonaDb"),
    "clickhouse": ("contestants.clickhouse", "ClickHouse"),
    "strtree": ("contestants.strtree", "StrTree"),
    "urbis-wire": ("contestants.ours", "UrbisOverTheWire"),
}


def make(name: str) -> Callable[..., Contestant]:
    """The class of a contestant."""
    module, kind = CONTESTANTS[name]
    return getattr(import_module(module), kind)
