"""Runs the contestants beside each other: equal answers first, then times in interleaved rounds, then a table.

`run.sh --scale 0.01` tries everything in some minutes; `run.sh` is the real thing. See README.md.
"""

import argparse
import datetime
import json
import os
import platform
import shutil
import signal
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import data
import reference
import table
from contestants import CONTESTANTS
from party import Party, evict

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORKLOADS = ("w2", "w3", "w4", "w5", "w6", "cold")
TABLES = ("points", "buildings", "areas", "movers")
PATIENCE_S = 3_600  # for one load or one question, at any scale
COMMIT_ROWS = 1_000
MOVE_ROWS = (100, 1_000)
# What a question needs that is not only the points.
NEEDS = {"buildings": ("buildings",), "points_by_fence": ("points", "areas"), "nearby": ("movers",), "move": ("movers",),
         "cells_of_district": ("points", "areas"), "points_by_district": ("points", "areas"),
         "buildings_by_district": ("buildings", "areas")}
COLD = ("box_medium", "cells_of_district")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="1: 10 million points; 0.01 to try; 10 for ten times")
    parser.add_argument("--only", default=",".join(WORKLOADS), help=f"of {','.join(WORKLOADS)} (default: all)")
    parser.add_argument("--peers", default=",".join(key for key in CONTESTANTS if key != "urbis-wire"),
                        help="default: all of them")
    parser.add_argument("--urbis", type=Path, help="the built program: asked over the wire")
    parser.add_argument("--workloads", type=Path, help="a program that speaks PROTOCOL.md: Urbis in process")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each contestant in each round")
    parser.add_argument("--data", type=Path, help="where the data are kept between runs (default: target/peers)")
    parser.add_argument("--stores", type=Path, help="where contestants keep theirs (default: the temporary folder)")
    parser.add_argument("--out", type=Path, default=ROOT / "benches/results")
    given = parser.parse_args()
    unknown = set(given.only.split(",")) - set(WORKLOADS) | set(filter(None, given.peers.split(","))) - set(CONTESTANTS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    return given


def say(text: str) -> None:
    """Tells people how far it is."""
    print(f"== {text}", file=sys.stderr, flush=True)


def machine(stores: Path) -> dict[str, str]:
    """What the figures were made on."""
    info = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), platform.machine())
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": model, "cores": str(len(os.sched_getaffinity(0))), "memory": f"{memory_gib:.0f} GiB",
        "system": f"{platform.freedesktop_os_release()['PRETTY_NAME']}, Linux {platform.release()}",
        "file system of the stores": file_system(stores),
    }


def file_system(folder: Path) -> str:
    """Its kind, by the longest mount point above."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    above = [(len(at), kind) for at, kind in mounts if folder.is_relative_to(at)]
    return max(above)[1] if above else "unknown"


def parties(given: argparse.Namespace, folder: Path, stores: Path) -> list[Party]:
    """Everyone who is asked for, not yet started."""
    commands = {key: [sys.executable, str(HERE / "worker.py"), key] for key in filter(None, given.peers.split(","))}
    environment = {}
    if given.urbis:
        commands["urbis-wire"] = [sys.executable, str(HERE / "worker.py"), "urbis-wire"]
        environment["URBIS_PROGRAM"] = str(given.urbis.resolve())
    if given.workloads:
        commands["urbis"] = [str(given.workloads.resolve())]
    everyone = []
    for key, command in commands.items():
        where = {"data": str(folder), "store": str(stores / key), "scale": given.scale}
        (stores / key).mkdir(mode=0o755)
        everyone.append(Party(key, command, where, environment))
    return everyone


class Run:
    """One run: who takes part, what was found."""

    def __init__(self, given: argparse.Namespace, folder: Path, stores: Path) -> None:
        self.given = given
        self.only = given.only.split(",")
        self.asks = json.loads((folder / "questions.json").read_text())["asks"]
        self.right = json.loads((folder / "answers.json").read_text())["asks"]
        self.parties: list[Party] = []
        self.found: dict[str, Any] = {
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), "scale": given.scale,
            "rounds": given.rounds, "seconds": given.seconds, "only": self.only, "machine": machine(stores),
            "load_average_before": os.getloadavg()[0], "contestants": {}, "loads": {}, "checks": {}, "figures": {},
            "cold": {},
        }

    def all(self, everyone: list[Party]) -> None:
        """Everything, in the order in which one does not spoil the next."""
        self.open(everyone)
        self.load()
        asked = [name for name, ask in self.asks.items() if ask["workload"] in self.only]
        self.check(asked)
        for name in asked:
            if name == "nearby":
                continue
            say(f"{name}: {self.asks[name]['text']}")
            for clients in (1, 2) if self.asks[name]["workload"] == "w4" else (1,):
                self.time(f"{name} {clients}", {"ask": name, "questions": self.asks[name]["questions"], "clients": clients})
        if "w2" in self.only:
            self.commits()
        if "w3" in self.only:
            self.moves()
        if "cold" in self.only:
            self.cold()
        self.found["load_average_after"] = os.getloadavg()[0]

    def open(self, everyone: list[Party]) -> None:
        """Starts all; who cannot start is left out, and it is said why."""
        for party in everyone:
            reply = party.open()
            if party.about:
                self.parties.append(party)
                self.found["contestants"][party.key] = {**party.about, "not_run": None}
                say(f"{party.key}: {party.about['version']}")
            else:
                party.end(patience_s=10)
                why = reply.get("error") or reply.get("not_run")
                self.found["contestants"][party.key] = {"name": party.key, "not_run": why}
                say(f"{party.key} does not start: {reply}")

    def load(self) -> None:
        """W2a, and what the other workloads need. One after the other: each has the machine."""
        for party in self.parties:
            for name in (name for name in TABLES if name in party.about["tables"]):
                reply, peak = party.watched({"load": name}, PATIENCE_S)
                self.found["loads"].setdefault(party.key, {})[name] = reply | {"peak_bytes": peak}
                if "rows" not in reply:
                    party.lacks[name] = f"{name} not loaded: {reply.get('not_run') or reply.get('error')}"
                say(f"{party.key}: {name} {reply}")

    def request(self, party: Party, request: dict) -> dict:
        """Asks, unless a table that it takes is not there."""
        lacking = [name for name in NEEDS.get(request["ask"], ("points",)) if name in party.lacks]
        return {"not_run": party.lacks[lacking[0]]} if lacking else party.request(request, PATIENCE_S)

    def check(self, asked: list[str]) -> None:
        """Compares everyone's answers to a sample with the right ones."""
        if "nearby" in asked:
            for party in self.parties:
                batches = reference.MOVES_BEFORE_NEARBY // MOVE_ROWS[0]
                self.request(party, {"ask": "move", "rows": MOVE_ROWS[0], "batches": batches})
        for name in asked:
            right = self.right[name]
            questions = [question for question in self.asks[name]["questions"] if question["id"] in right]
            for party in self.parties:
                reply = self.request(party, {"ask": name, "questions": questions, "answers": True})
                result = self.compared(party, right, questions, reply)
                self.found["checks"].setdefault(name, {})[party.key] = result
                if result.get("differ"):
                    some = f"{result['differ']} of {result['asked']}, {result['which'][:3]}"
                    say(f"{party.key} answers {name} otherwise: {some}")
                elif "error" in result:
                    say(f"{party.key} fails at {name}: {result['error']}")

    def compared(self, party: Party, right: dict, questions: list[dict], reply: dict) -> dict:
        """How many answers differ, and which."""
        if "answers" not in reply:
            return reply
        tolerance = party.about["relative"], party.about["metres"]
        wrong = [
            question["id"] for question, given in zip(questions, reply["answers"], strict=True)
            if not reference.equal(right[question["id"]], given, *tolerance)
        ]
        exact = all(
            reference.equal(right[question["id"]], given, 0.0, 0.0)
            for question, given in zip(questions, reply["answers"], strict=True))
        return {"asked": len(questions), "differ": len(wrong), "which": wrong[:10], "without_tolerance": exact}

    def time(self, figure: str, request: dict) -> None:
        """Rounds in which each has its turn; rate is the median of the rounds, latencies are of all."""
        results: dict[str, list[dict]] = {}
        for number in range(self.given.rounds):
            order = self.parties[number % len(self.parties):] + self.parties[:number % len(self.parties)]
            for party in order:
                if not all("latencies_us" in result for result in results.get(party.key, [])):
                    continue
                reply = self.request(party, request | {"seconds": self.given.seconds})
                results.setdefault(party.key, []).append(reply)
        self.found["figures"][figure] = {key: summary(replies) for key, replies in results.items()}
        for key, replies in results.items():
            if "error" in replies[-1]:
                say(f"{key} fails at {figure}: {replies[-1]['error']}")

    def commits(self) -> None:
        """W2b."""
        for writers in (1, 2):
            say(f"commits of {COMMIT_ROWS} rows, {writers} writer{'s'[:writers - 1]}")
            self.time(f"commit {writers}", {"ask": "commit", "rows": COMMIT_ROWS, "clients": writers})

    def moves(self) -> None:
        """W3: one and two writers, then one writer and one who asks."""
        for rows in MOVE_ROWS:
            say(f"moves in batches of {rows}")
            for writers in (1, 2):
                self.time(f"move {rows} {writers}", {"ask": "move", "rows": rows, "clients": writers})
            beside = {"ask": "move", "rows": rows, "beside": True, "questions": self.asks["nearby"]["questions"]}
            self.time(f"move {rows} beside", beside)

    def cold(self) -> None:
        """Each is ended, its files leave the memory, it is started again: the first times of some questions."""
        for party in self.parties:
            if not party.about["cold"] or "points" in party.lacks:
                self.found["cold"][party.key] = {"not_run": party.lacks.get("points", "does not begin from a store")}
                continue
            party.close()
            evict(Path(party.where["store"]))
            opened = party.open()
            if "name" not in opened:
                self.found["cold"][party.key] = opened
                continue
            first = {"open_seconds": opened["seconds"]}
            for name in COLD:
                asked = self.asks[name]["questions"][:reference.SAMPLE]
                replies = [self.request(party, {"ask": name, "questions": [one], "seconds": 0.0}) for one in asked]
                took = [reply["latencies_us"][0] / 1e3 for reply in replies if "latencies_us" in reply]
                if took:
                    first[name] = {"first_ms": took[0], "median_ms": statistics.median(took)}
            self.found["cold"][party.key] = first
            say(f"cold {party.key}: {first}")


def summary(replies: list[dict]) -> dict:
    """Figures of one contestant's rounds."""
    if "latencies_us" not in replies[-1]:
        return replies[-1]
    rates = [len(reply["latencies_us"]) / reply["seconds"] for reply in replies]
    figure = {"per_second": statistics.median(rates), "rounds": rates}
    figure |= percentiles([latency for reply in replies for latency in reply["latencies_us"]])
    if "beside_latencies_us" in replies[-1]:
        beside = [len(reply["beside_latencies_us"]) / reply["seconds"] for reply in replies]
        latencies = [latency for reply in replies for latency in reply["beside_latencies_us"]]
        figure["beside"] = {"per_second": statistics.median(beside), **percentiles(latencies)}
    for name in ("acknowledged", "stored"):
        if name in replies[-1]:
            figure[name] = replies[-1][name]
    return figure


def percentiles(latencies_us: list[float]) -> dict[str, float]:
    """Median and 99th percentile, in milliseconds."""
    ordered = sorted(latencies_us)
    return {"p50_ms": ordered[len(ordered) // 2] / 1e3, "p99_ms": ordered[len(ordered) * 99 // 100] / 1e3}


def main() -> None:
    """Makes the data, runs, writes."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    given = arguments()
    folder = (given.data or ROOT / "target/peers") / f"data-{given.scale:g}"
    say(f"data and right answers, scale {given.scale:g}")
    data.make(folder, given.scale)
    stores = Path(tempfile.mkdtemp(prefix="peers-", dir=given.stores))
    stores.chmod(0o755)
    everyone = parties(given, folder, stores)
    run = Run(given, folder, stores)
    try:
        run.all(everyone)
    finally:
        for party in everyone:
            party.close()
        shutil.rmtree(stores, ignore_errors=True)
    given.out.mkdir(parents=True, exist_ok=True)
    name = f"{run.found['date'][:10]}-scale{given.scale:g}"
    (given.out / f"{name}.json").write_text(json.dumps(run.found, indent=1) + "\n")
    (given.out / f"{name}.md").write_text(table.markdown(run.found, run.asks))
    say(f"written: {given.out / name}.md")


if __name__ == "__main__":
    main()
