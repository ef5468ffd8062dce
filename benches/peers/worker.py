"""Serves one Python contestant over standard input and output, as PROTOCOL.md says: `worker.py NAME [--client N]`.

With `--client` it starts no server and connects to the one that runs: so two clients ask at once without sharing an
interpreter.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from contestants import make
from contestants.base import Contestant, NotRun, answer, method

CLIENT_IDS = 10**12


def timed(task: Callable[[Any], Any], items: Iterator[Any], seconds: float, most: int | None = None) -> dict:
    """Does one item after another until the time is over, at least one and at most so many; microseconds of each."""
    latencies = []
    begun = time.perf_counter_ns()
    until = begun + int(seconds * 1e9)
    for item in items:
        before = time.perf_counter_ns()
        task(item)
        after = time.perf_counter_ns()
        latencies.append(round((after - before) / 1e3, 1))
        if len(latencies) == most or (most is None and after >= until):
            break
    return {"seconds": (time.perf_counter_ns() - begun) / 1e9, "latencies_us": latencies}


def heard(reply: dict) -> dict:
    """A reply of the second process, when it is one."""
    if "error" in reply:
        raise RuntimeError(reply["error"])
    if "not_run" in reply:
        raise NotRun(reply["not_run"])
    return reply


def round_and_round(questions: list[dict], first: int) -> Iterator[dict]:
    """The questions for ever, from the given one on."""
    while True:
        yield questions[first % len(questions)]
        first += 1


class Batches:
    """Batches of rows of a file in order, round and round; remembers where it is."""

    def __init__(self, path: Path, first: int = 0) -> None:
        self.table = pq.read_table(path).combine_chunks()
        self.next = first

    def of(self, rows: int) -> Iterator[pa.RecordBatch]:
        """Batches of so many rows, from where the last one ended."""
        while True:
            if self.next + rows > len(self.table):
                self.next = 0
            batch = self.table.slice(self.next, rows).combine_chunks().to_batches()[0]
            self.next += rows
            yield batch


class Worker:
    """A contestant and, when two clients are wanted, its second one."""

    def __init__(self, name: str, client: int) -> None:
        self.name, self.client = name, client
        self.contestant: Contestant | None = None
        self.opened: dict = {}
        self.helper: subprocess.Popen[str] | None = None
        self.moves: dict[int, Batches] = {}
        self.committed = {0: 0, 1: 0}
        self.acknowledged = 0

    @property
    def it(self) -> Contestant:
        """The contestant, once it is open."""
        assert self.contestant is not None, "open comes first"
        return self.contestant

    def do(self, request: dict) -> dict:
        """Answers one request."""
        if "open" in request:
            return self.open(request["open"])
        if "load" in request:
            return self.load(request["load"])
        if "ask" in request:
            return self.ask(request)
        assert "close" in request, f"unknown request {list(request)}"
        self.close()
        return {}

    def open(self, where: dict) -> dict:
        """Makes the contestant and starts it, or connects."""
        self.opened = where
        store = Path(where["store"])
        store.mkdir(parents=True, exist_ok=True)
        self.contestant = it = make(self.name)(Path(where["data"]), store, where["scale"])
        if self.client == 0:
            it.start()
        it.connect()
        return {
            "name": it.name, "version": it.version(), "kind": it.kind, "relative": it.relative, "metres": it.metres,
            "tables": list(it.tables), "notes": it.notes, "clients": 1 if it.clients == "one" else 2, "cold": it.cold,
            "partial": it.partial,
        }

    def load(self, table: str) -> dict:
        """Brings a table in."""
        begun = time.perf_counter()
        size = self.it.load(table)
        seconds = time.perf_counter() - begun
        names = ["districts", "fences"] if table == "areas" else [table]
        rows = sum(pq.read_metadata(self.it.data / f"{name}.parquet").num_rows for name in names)
        return {"rows": rows, "seconds": seconds, "bytes": size}

    def ask(self, request: dict) -> dict:
        """Asks, commits or moves; alone or two at once."""
        name, clients = request["ask"], request.get("clients", 1)
        if request.get("own"):
            return self.run(self.it, request)
        if clients == 2 and self.it.clients == "one":
            raise NotRun("one client at a time")
        if request.get("answers"):
            asked = [answer(self.it, name, method(self.it, name)(question)) for question in request["questions"]]
            return {"answers": asked}
        mine = request | {"clients": 1, "beside": False}
        others = []
        if clients == 2:
            others.append(mine | {"second": True})
        if request.get("beside"):
            others.append({"ask": "nearby", "questions": request["questions"], "seconds": request["seconds"]})
        results = self.together(mine, others)
        beside = results.pop()["latencies_us"] if request.get("beside") else None
        answered = {
            "seconds": max(result["seconds"] for result in results),
            "latencies_us": [latency for result in results for latency in result["latencies_us"]],
        }
        if beside is not None:
            answered["beside_latencies_us"] = beside
        if name == "commit":
            self.acknowledged += len(answered["latencies_us"]) * request["rows"]
            answered |= {"acknowledged": self.acknowledged, "stored": self.it.stored()}
        return answered

    def together(self, mine: dict, others: list[dict]) -> list[dict]:
        """Runs one request here and at most one beside it, in a thread or another process."""
        if not others:
            return [self.run(self.it, mine)]
        assert len(others) == 1, "two clients at most"
        if self.it.clients == "processes":
            return self.with_process(mine, others[0])
        with ThreadPoolExecutor(1) as pool:
            beside = pool.submit(self.run, self.it.another(), others[0])
            own = self.run(self.it, mine)
            return [own, beside.result()]

    def with_process(self, mine: dict, other: dict) -> list[dict]:
        """Runs one request here and one in a second process, which stays for the next time."""
        if self.helper is None:
            command = [sys.executable, __file__, self.name, "--client", "1"]
            self.helper = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            self.tell({"open": self.opened})
            heard(self.reply())
        self.tell(other | {"own": True})
        try:
            own = self.run(self.it, mine)
        finally:
            beside = self.reply()
        return [own, heard(beside)]

    def tell(self, request: dict) -> None:
        """Sends a request to the second process."""
        assert self.helper is not None and self.helper.stdin is not None
        self.helper.stdin.write(json.dumps(request) + "\n")
        self.helper.stdin.flush()

    def reply(self) -> dict:
        """The second process's answer."""
        assert self.helper is not None and self.helper.stdout is not None
        return json.loads(self.helper.stdout.readline())

    def run(self, it: Contestant, request: dict) -> dict:
        """One client's part."""
        name, seconds, second = request["ask"], request.get("seconds", 0.0), bool(request.get("second"))
        client = 1 if second else 0
        if name == "commit":
            return timed(it.commit, self.new_rows(request["rows"], client), seconds)
        if name == "move":
            return timed(it.move, self.places(client).of(request["rows"]), seconds, request.get("batches"))
        questions = request["questions"]
        first = len(questions) // 2 if second else 0
        return timed(method(it, name), round_and_round(questions, first), seconds)

    def places(self, client: int) -> Batches:
        """Where objects move to, for one of two clients."""
        path = self.it.data / "moves.parquet"
        if client not in self.moves:
            self.moves[client] = Batches(path, client * (pq.read_metadata(path).num_rows // 2))
        return self.moves[client]

    def new_rows(self, rows: int, client: int) -> Iterator[pa.RecordBatch]:
        """Batches of rows with ids that were never given before."""
        while True:
            at = self.committed[client]
            first = at % (len(self.fresh) // rows * rows)
            batch = self.fresh.slice(first, rows).to_batches()[0]
            ids = pa.array(range(CLIENT_IDS * (client + 1) + at, CLIENT_IDS * (client + 1) + at + rows), pa.int64())
            self.committed[client] += rows
            yield batch.set_column(0, "id", ids)

    @cached_property
    def fresh(self) -> pa.Table:
        """The first rows of the points, a million at most."""
        return pq.ParquetFile(self.it.data / "points.parquet").read_row_group(0).combine_chunks()

    def close(self) -> None:
        """Ends the second process and the contestant."""
        if self.helper is not None:
            self.tell({"close": {}})
            self.reply()
            self.helper.wait(timeout=30)
        if self.contestant is not None and self.client == 0:
            self.contestant.close()


def serve(worker: Worker, requests: TextIO, replies: TextIO) -> None:
    """Answers requests until `close`."""
    for line in requests:
        request = json.loads(line)
        try:
            reply = worker.do(request)
        except (NotRun, NotImplementedError) as why:
            reply = {"not_run": str(why) or "not written yet"}
        except Exception as error:
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}"}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()
        if "close" in request:
            return
    worker.close()


def main() -> None:
    """Keeps standard output for replies: whatever else prints goes to standard error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--client", type=int, default=0)
    arguments = parser.parse_args()
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(Worker(arguments.name, arguments.client), sys.stdin, replies)


if __name__ == "__main__":
    main()
