"""A contestant as a process: requests, replies, its memory, its end."""

import json
import os
import queue
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

SAMPLE_S = 0.1


class Party:
    """One contestant that speaks PROTOCOL.md. A reply that says it failed is given back as it is."""

    def __init__(self, key: str, command: list[str], where: dict, environment: dict[str, str]) -> None:
        self.key, self.command, self.where, self.environment = key, command, where, environment
        self.about: dict = {}
        self.lacks: dict[str, str] = {}  # tables that were not loaded, and why
        self.process: subprocess.Popen[str] | None = None

    @property
    def kind(self) -> str:
        """`in process`, `over the wire` or `in memory`."""
        return self.about["kind"]

    def open(self) -> dict:
        """Starts the process and opens the store; what it says about itself, and the seconds it took."""
        # In a session of its own, so that an interrupt of ours reaches it only as the end of its input.
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
            env=os.environ | self.environment)
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self.listen, args=(self.process,), daemon=True).start()
        begun = time.perf_counter()
        reply = self.request({"open": self.where}, 900)
        if "name" in reply:
            self.about = reply
        return reply | {"seconds": time.perf_counter() - begun}

    def listen(self, process: subprocess.Popen[str]) -> None:
        """Brings lines, and an empty one when there are no more."""
        assert process.stdout is not None
        lines = self.lines
        for line in process.stdout:
            lines.put(line)
        lines.put("")

    def request(self, request: dict, patience_s: float) -> dict:
        """Sends a request and waits for its reply; one who takes too long is ended."""
        if self.process is None or self.process.poll() is not None or self.process.stdin is None:
            return {"error": "its process had ended"}
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.lines.get(timeout=patience_s)
            return json.loads(line) if line else {"error": "its process ended"}
        except queue.Empty:
            self.end(patience_s=30)
            return {"error": f"no reply in {patience_s:.0f} s"}
        except OSError as error:
            return {"error": str(error)}

    def watched(self, request: dict, patience_s: float) -> tuple[dict, int]:
        """The same, with the peak of its memory meanwhile, in bytes; of a server without its client."""
        assert self.process is not None
        root, peak, over = self.process.pid, 0, threading.Event()

        def watch() -> None:
            nonlocal peak
            while True:
                pids = descendants(root) - ({root} if self.kind == "over the wire" else set())
                peak = max(peak, sum(memory(pid) for pid in pids))
                if over.wait(SAMPLE_S):
                    break

        watcher = threading.Thread(target=watch)
        watcher.start()
        reply = self.request(request, patience_s)
        over.set()
        watcher.join()
        return reply, peak

    def close(self) -> None:
        """Asks it to end, keeping what it has."""
        self.request({"close": {}}, 180)
        self.end(patience_s=60)

    def end(self, patience_s: float) -> None:
        """Closes its input, at which it ends; what does not is ended, with all that it started."""
        if self.process is None:
            return
        started = descendants(self.process.pid)
        if self.process.stdin is not None and not self.process.stdin.closed:
            with suppress(OSError):
                self.process.stdin.close()
        try:
            self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            for pid in started:
                with suppress(ProcessLookupError):
                    os.kill(pid, 9)
            self.process.wait()


def descendants(root: int) -> set[int]:
    """A process and all that it started, by their numbers."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, IndexError):
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found, waiting = set(), [root]
    while waiting:
        pid = waiting.pop()
        found.add(pid)
        waiting += children.get(pid, [])
    return found


def memory(pid: int) -> int:
    """Bytes of a process, pages that several share counted in parts (Pss)."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def evict(folder: Path) -> None:
    """Has the system forget what it keeps in memory of the files under a folder."""
    for at, _, names in os.walk(folder):
        for name in names:
            path = Path(at) / name
            if path.is_file() and not path.is_symlink():
                with path.open("rb") as file:
                    os.fsync(file.fileno())
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
