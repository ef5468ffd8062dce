"""The results as Markdown: what was found, and by how many times we are quicker than the best peer of our kind."""

import argparse
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

OURS = {"urbis": "in process", "urbis-wire": "over the wire"}
COMMIT_ROWS = 1_000
COLD = ("box_medium", "cells_of_district")


@dataclass
class Cell:
    """One contestant's figure; `speed` grows with what is better and is None where there is nothing to compare."""

    text: str
    speed: float | None = None


@dataclass
class Row:
    """One line of a table."""

    label: str
    cells: dict[str, Cell] = field(default_factory=dict)


def number(value: float) -> str:
    """Three digits that count, thousands apart."""
    if value >= 999.5:
        digits = len(str(round(value))) - 3
        return f"{round(value / 10**digits) * 10**digits:,}"
    return f"{value:.3g}"


def brief(milliseconds: float) -> str:
    """Two digits that count."""
    return f"{milliseconds:,.0f}" if milliseconds >= 99.5 else f"{milliseconds:.2g}"


def duration(milliseconds: float) -> str:
    """Milliseconds, or seconds where there are many."""
    return f"{milliseconds / 1e3:.3g} s" if milliseconds >= 999.5 else f"{milliseconds:.3g} ms"


class Table:
    """Writes what a run has found."""

    def __init__(self, found: dict, asks: dict) -> None:
        self.found, self.asks = found, asks
        self.about = {key: about for key, about in found["contestants"].items() if not about["not_run"]}
        order = ["over the wire", "in process", "in memory"]
        self.peers = sorted((key for key in self.about if key not in OURS), key=lambda key: order.index(self.kind(key)))
        self.ours = [key for key in ("urbis", "urbis-wire") if key in self.about]
        self.reasons: dict[str, dict[str, None]] = {}  # by contestant, each once, in order

    def kind(self, key: str) -> str:
        """`in process`, `over the wire` or `in memory`."""
        return self.about[key]["kind"]

    def cell(self, key: str, label: str, figure: dict | None, write: Callable[[dict], Cell], check: str = "") -> Cell:
        """A figure, or a dash with the reason kept; a cross where answers differ, which are then not compared."""
        if figure is None:
            return Cell("–")
        why = figure.get("not_run") or figure.get("error")
        if why:
            failed = "error" in figure
            self.reasons.setdefault(self.about[key]["name"], {})[f"{label} failed: {why}" if failed else why] = None
            return Cell("failed" if failed else "–")
        cell = write(figure)
        checked = self.found["checks"].get(check, {}).get(key, {})
        lost = figure.get("acknowledged", 0) != figure.get("stored", 0)
        if (check and checked.get("differ", 1)) or lost:
            return Cell(f"{cell.text} †")
        return cell

    def best(self, row: Row, kinds: Iterable[str]) -> str | None:
        """The quickest comparable peer of these kinds."""
        speeds = {key: row.cells[key].speed for key in self.peers if key in row.cells and self.kind(key) in kinds}
        compared = {key: speed for key, speed in speeds.items() if speed is not None}
        return max(compared, key=lambda key: compared[key]) if compared else None

    def ratio(self, row: Row, ours: str) -> str:
        """How many times as quick we are as the best peer of our kind, and who that is."""
        kinds = ("over the wire",) if ours == "urbis-wire" else ("in process", "in memory")
        best = self.best(row, kinds)
        if best is None:
            return "no peer"
        name, own = self.about[best]["name"], row.cells.get(ours, Cell("")).speed
        return f"{number(own / row.cells[best].speed)} x ({name})" if own else f"({name})"

    def lines(self, title: str, rows: list[Row], explain: str) -> list[str]:
        """A table under a title."""
        if not any(row.cells for row in rows):
            return []
        shown = [*self.peers, *self.ours]
        heads = ["", *(self.about[key]["name"] for key in shown), "in process: ours / best", "over the wire: ours / best"]
        lines = [f"## {title}", "", explain, "", f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
        for row in rows:
            cells = [row.cells.get(key, Cell("–")).text for key in shown]
            lines.append(f"| {' | '.join([row.label, *cells, self.ratio(row, 'urbis'), self.ratio(row, 'urbis-wire')])} |")
        return [*lines, ""]

    def figures(self, figure: str, label: str, write: Callable[[dict], Cell], check: str = "") -> Row:
        """A row of one figure of everyone."""
        found = self.found["figures"].get(figure, {})
        return Row(label, {key: self.cell(key, label, found.get(key), write, check) for key in self.about if key in found})

    def head(self) -> list[str]:
        """What, where, when, whom."""
        found = self.found
        lines = [f"# Peers, scale {found['scale']:g}, {found['date'][:16].replace('T', ' ')} UTC", ""]
        lines += [f"- {name}: {value}" for name, value in found["machine"].items()]
        lines += [
            f"- load average before and after: {found['load_average_before']:.1f}, {found.get('load_average_after', 0):.1f}",
            f"- {found['rounds']} interleaved rounds of {found['seconds']:g} s for each; warm, unless it says cold", "",
            "| contestant | version | kind | distances agree to | how |", "|---|---|---|---|---|",
        ]
        for about in found["contestants"].values():
            if about["not_run"]:
                lines.append(f"| {about['name']} | not run: {about['not_run']} | | | |")
            else:
                tolerance = f"{about['relative']:.2g} of the size + {about['metres']:g} m"
                lines.append(f"| {about['name']} | {about['version']} | {about['kind']} | {tolerance} | {about['notes']} |")
        return [*lines, ""]

    def loads(self) -> list[str]:
        """W2a."""
        rows = [Row("rows/s"), Row("MB on disk"), Row("peak memory, MiB")]
        for key in self.about:
            load = self.found["loads"].get(key, {}).get("points")
            less = "ids and places" if self.about[key].get("partial") else "memory"
            durable = bool(load and load.get("bytes")) and less == "memory"

            def rate(load: dict, durable: bool = durable, less: str = less) -> Cell:
                speed = load["rows"] / load["seconds"]
                return Cell(number(speed) + ("" if durable else f" ({less})"), speed if durable else None)

            def size(load: dict, durable: bool = durable, less: str = less) -> Cell:
                text = number(load["bytes"] / 1e6) if load["bytes"] else "–"
                return Cell(text, 1 / load["bytes"]) if durable else Cell(f"{text} ({less})")

            def peak(load: dict, durable: bool = durable) -> Cell:
                compared = durable and load["peak_bytes"] > 0
                return Cell(number(load["peak_bytes"] / 2**20), 1 / load["peak_bytes"] if compared else None)

            for row, write in zip(rows, (rate, size, peak), strict=True):
                row.cells[key] = self.cell(key, f"W2a {row.label}", load, write)
        explain = "From Parquet files (cached) to durable and indexed, once. Ratios above 1 are good in every row."
        return self.lines("W2a, bulk load of points", rows, explain)

    def writes(self) -> list[str]:
        """W2b and W3."""
        commits = [
            self.figures(f"commit {n}", f"{n} writer{'s'[:n - 1]}, rows/s", times(COMMIT_ROWS)) for n in (1, 2)
        ]
        explain = "Rows a second (median and 99th percentile of a commit in ms)."
        lines = self.lines("W2b, commits of 1,000 rows, each durable", commits, explain)
        moves = []
        for rows in (100, 1_000):
            for who, which in (("1", "1 writer"), ("2", "2 writers"), ("beside", "1 writer beside the questions")):
                label = f"{rows} a batch, {which}, updates/s"
                moves.append(self.figures(f"move {rows} {who}", label, times(rows), "nearby"))
            label = f"{rows} a batch, radius questions beside, /s"
            moves.append(self.figures(f"move {rows} beside", label, beside, "nearby"))
        explain = "Random updates of places, each batch durable before the next (median and 99th percentile in ms)."
        return lines + self.lines("W3, moving objects", moves, explain)

    def questions(self) -> list[str]:
        """W4, W5, W6."""
        w4, w5, w6 = [], [], []
        for name, ask in self.asks.items():
            if ask["workload"] == "w4":
                for clients in (1, 2):
                    label = ask["text"] if clients == 1 else "– the same, 2 clients"
                    w4.append(self.figures(f"{name} {clients}", label, times(1), name))
            elif ask["workload"] in ("w5", "w6"):
                (w5 if ask["workload"] == "w5" else w6).append(self.figures(f"{name} 1", ask["text"], once, name))
        lines = self.lines("W4, questions a second", w4, "Questions a second (median and 99th percentile in ms).")
        lines += self.lines("W5, joins", w5, "Time of one, median.")
        return lines + self.lines("W6, aggregation", w6, "Time of one, median.")

    def cold(self) -> list[str]:
        """After a restart."""
        rows = [Row("to start and open")]
        kinds = {"first_ms": "first", "median_ms": "median of the first 20"}
        rows += [Row(f"{self.asks[name]['text']}: {text}") for name in COLD for text in kinds.values()]
        for key, found in self.found["cold"].items():
            whole = found if found.get("not_run") or found.get("error") else None
            values = [whole or {"ms": found["open_seconds"] * 1e3}]
            for name in COLD:
                values += [whole or ({"ms": found[name][kind]} if name in found else None) for kind in kinds]
            for row, value in zip(rows, values, strict=True):
                row.cells[key] = self.cell(key, f"cold: {row.label}", value, one)
        explain = "The contestant was ended, its files left the page cache, it was started again."
        return self.lines("Cold", rows, explain)

    def notes(self) -> list[str]:
        """Differences and reasons."""
        lines = ["## Answers", ""]
        for name, checks in self.found["checks"].items():
            exact = [self.about[key]["name"] for key, check in checks.items() if check.get("without_tolerance")]
            near = [self.about[key]["name"] for key, check in checks.items()
                    if check.get("differ") == 0 and not check.get("without_tolerance")]
            line = f"- {self.asks[name]['text']}: {', '.join(exact) or 'nobody'} right"
            line += f"; {', '.join(near)} within the tolerance" if near else ""
            for key, check in checks.items():
                if check.get("differ"):
                    many = f"{check['differ']} of {check['asked']} differ"
                    line += f"; **{self.about[key]['name']}: {many}** ({', '.join(check['which'][:3])})"
            lines.append(line)
        lines += ["", "† answers differ (or rows were lost): not compared.", ""]
        if self.reasons:
            lines += ["## Not run (–)", ""]
            lines += [f"- {name}: {'; '.join(reasons)}" for name, reasons in self.reasons.items()]
            lines.append("")
        return lines


def times(factor: int) -> Callable[[dict], Cell]:
    """A rate of so many at once, with latencies."""

    def write(figure: dict) -> Cell:
        latencies = f"({brief(figure['p50_ms'])}, {brief(figure['p99_ms'])})"
        return Cell(f"{number(figure['per_second'] * factor)} {latencies}", figure["per_second"])

    return write


def beside(figure: dict) -> Cell:
    """The rate of the questions beside."""
    return times(1)(figure["beside"])


def one(figure: dict) -> Cell:
    """A duration in milliseconds."""
    return Cell(duration(figure["ms"]), 1 / figure["ms"])


def once(figure: dict) -> Cell:
    """The time of one."""
    return Cell(duration(figure["p50_ms"]), 1 / figure["p50_ms"])


def markdown(found: dict, asks: dict) -> str:
    """The whole page."""
    table = Table(found, asks)
    if not table.about:
        return "\n".join(table.head())
    lines = table.head() + table.loads() + table.writes() + table.questions() + table.cold()
    return "\n".join(lines + table.notes())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Writes a table anew from a run's JSON and the data's questions.json.")
    parser.add_argument("results", type=Path)
    parser.add_argument("questions", type=Path)
    arguments = parser.parse_args()
    asked = json.loads(arguments.questions.read_text())["asks"]
    print(markdown(json.loads(arguments.results.read_text()), asked))
