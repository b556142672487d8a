"""Who works on a place in a store? One job at a time; what a dead one held is free at once on its machine, elsewhere after a while."""

import json
import os
import re
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from scorer.errors import LockedError, RunError
from scorer.faults import reach
from scorer.log import tell
from scorer.manifest import LEASE
from scorer.tables.store import Store, StoreError, seconds_of

SECONDS = "SCORER_LEASE_SECONDS"  # without a sign of life, after which a lease is free
DAY_S = 86_400.0
BEATS = 10  # signs of life in that time
PAUSE_S = (0.2, 2.0)  # until another job, which is drawing its number, is looked for again: at first, and at most
ASKING_S = 10.0  # for which it is waited for
NAME = re.compile(re.escape(LEASE) + r"(?P<id>[0-9a-f]{32})\.(?:asking|(?P<number>\d{1,12}))")


@dataclass(frozen=True, slots=True)
class Holder:
    """What a job says of itself: enough to see on its machine whether it lives."""

    host: str
    boot: str
    space: str  # of process ids: those of another container mean other processes
    pid: int
    started: str  # in ticks since the boot: a process id is given again
    seconds: float  # see SECONDS

    @classmethod
    def this(cls) -> Self:
        """This process."""
        try:
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
            space = os.readlink("/proc/self/ns/pid")
        except OSError:  # no Linux: nobody can be known to be dead
            boot = space = ""
        pid, seconds = os.getpid(), min(seconds_of(SECONDS, 600), DAY_S)
        return cls(socket.gethostname(), boot, space, pid, _start(pid) or "", seconds)

    def is_known_dead(self, ours: Self) -> bool:
        """Whether it was a process of this machine, `ours` being one, that is gone."""
        if not ours.boot or (self.host, self.boot, self.space) != (ours.host, ours.boot, ours.space):
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass  # another user's
        return _start(self.pid) not in (None, self.started)


@dataclass(frozen=True, slots=True)
class Seen:
    """A lease as a listing shows it."""

    id: str
    number: int | None  # None while its job draws one
    beat_ns: int  # when it gave its last sign of life, by the store's clock
    names: tuple[str, ...]


class Lease:
    """The right to write to a place in a store, by turns: Lamport's bakery (A new solution of Dijkstra's problem, CACM 17/8, 1974).

    pyarrow's stores cannot create an object only where there is none; they list what was written before. So a job puts an object that says
    that it is asking, lists, takes a number above all that it saw, and puts that; who sees a smaller number, or the same and a smaller id,
    leaves. One that asks and has no number yet may be about to take a small one: it is waited for, which takes two requests of its own; who
    has waited for long leaves. So whatever the moments, at most one works.

    The number is put again and again, as restic refreshes its locks (https://github.com/restic/restic/blob/master/doc/design.rst#locks):
    the store dates it, and these dates are compared with those of one's own, put just now, so no machine's clock counts. A job that was
    silent for longer than it promised, or is known to be dead on this machine, loses its lease; `check` tells it, should it come back. What
    says `asking` is put once and never again, so that it is gone for good where another job took this one for dead, whatever this one may
    still write.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ours = Holder.this()
        self._id = uuid.uuid4().hex
        self._text = json.dumps(asdict(self._ours)).encode()
        self._asking = f"{LEASE}{self._id}.asking"
        self._name = ""  # with the number
        self._ended = threading.Event()
        self._beating = threading.Thread(target=self._beat, daemon=True)

    def take(self) -> None:
        """Raises LockedError where another job has the place, or was before this one."""
        reach("lease")
        self._store.write(self._asking, self._text)
        number = 1 + max((seen.number or 0 for seen in self._listed()), default=0)
        reach("lease-number")
        self._name = f"{LEASE}{self._id}.{number}"
        self._store.write(self._name, self._text)
        pause, end = PAUSE_S[0], time.monotonic() + ASKING_S
        while self._is_waiting(number, late=time.monotonic() > end):
            time.sleep(pause)
            pause = min(2 * pause, PAUSE_S[1])
            self._store.write(self._name, self._text)
        self._beating.start()

    def check(self) -> None:
        """Raise RunError where the lease was lost: this job was thought dead, and another one may work there."""
        reach("lease-check")
        if not self._renew():
            advice = "let one job at a time work on it, and run the same command again"
            raise RunError(f"{self._store.uri}: another job took this one for dead and has its place since: {advice}")

    def end(self) -> None:
        """Let the next one in. Where the store does not do it at once, the lease is free as a dead job's is."""
        self._ended.set()
        if self._beating.ident is not None:
            self._beating.join(timeout=2.0)  # what it may still put is a dead job's
        for name in filter(None, (self._asking, self._name)):
            self._store.drop(name)

    def _is_waiting(self, number: int, *, late: bool) -> bool:
        """Whether to look again. Raises LockedError where another one is before this one, or may be and it is `late`."""
        listed = self._listed()
        ours = next((seen for seen in listed if seen.id == self._id and seen.number == number), None)
        if ours is None or self._asking not in ours.names:
            raise RunError(f"{self._store.uri}: another job took this one for dead: run the same command again")
        others = [seen for seen in listed if seen.id != self._id]
        alive = [(seen, holder) for seen in others if (holder := self._holder(seen, now_ns=ours.beat_ns))]
        if len(alive) < len(others):
            return True  # a dead one that came back meanwhile is seen then
        before = [(seen.number, seen.id, seen, holder) for seen, holder in alive if seen.number is not None]
        first = min(before, default=None, key=lambda found: found[:2])
        if first and first[:2] < (number, self._id):
            raise LockedError(self._told(first[2], first[3]))
        asking = next(((seen, holder) for seen, holder in alive if seen.number is None), None)
        if asking and late:
            raise LockedError(self._told(*asking))
        return asking is not None

    def _holder(self, seen: Seen, *, now_ns: int) -> Holder | None:
        """Who it is, None where it is gone or dead; a dead one's objects are removed."""
        holder = self._read(seen)
        if holder and not holder.is_known_dead(self._ours) and now_ns - seen.beat_ns <= holder.seconds * 1e9:
            return holder
        if holder:
            tell("freed", where=str(self._store.uri), pid=holder.pid, host=holder.host)
            for name in seen.names:
                self._store.remove(name)
        return None

    def _read(self, seen: Seen) -> Holder | None:
        written = self._store.read(seen.names[-1])
        if written is None:
            return None
        try:
            holder = Holder(**json.loads(written))
            return replace(holder, pid=int(holder.pid), seconds=min(float(holder.seconds), DAY_S))
        except (ValueError, TypeError):  # of another version: all that is known of it is its age
            return Holder("", "", "", 0, "", self._ours.seconds)

    def _listed(self) -> list[Seen]:
        found: dict[str, list[tuple[str, str | None, int]]] = {}
        for name, beat_ns in sorted(self._store.dated().items()):
            if match := NAME.fullmatch(name):
                found.setdefault(match["id"], []).append((name, match["number"], beat_ns))
        return [_seen(lease, parts) for lease, parts in found.items()]

    def _renew(self) -> bool:
        """Give a sign of life, where the lease still is ours."""
        if not {self._name, self._asking} <= self._store.dated().keys():
            return False
        if not self._ended.is_set():  # else it would come back for nobody
            self._store.write(self._name, self._text)
        return True

    def _beat(self) -> None:
        while not self._ended.wait(self._ours.seconds / BEATS):
            with suppress(StoreError, OSError):  # the run itself meets it, too; check has the last word
                if not self._renew():
                    return

    def _told(self, seen: Seen, holder: Holder) -> str:
        free = datetime.fromtimestamp(seen.beat_ns / 1e9 + holder.seconds, UTC)
        who = f"process {holder.pid} on {holder.host} works on it" if holder.host else "another job works on it"
        return f"{self._store.uri}: {who}: wait until it is done, or name another --out; if it died, it is free at {free:%H:%M:%S} UTC"


@contextmanager
def leased(store: Store) -> Iterator[Lease]:
    """Have the place to oneself. Raises LockedError at once where another job has it."""
    lease = Lease(store)
    try:
        lease.take()
        yield lease
        reach("lease-end")
    finally:
        lease.end()


def _seen(lease: str, parts: list[tuple[str, str | None, int]]) -> Seen:
    number = next((int(number) for _, number, _ in parts if number), None)
    return Seen(lease, number, max(beat_ns for *_, beat_ns in parts), tuple(name for name, *_ in parts))


def _start(pid: int) -> str | None:
    """When a process began; None where that cannot be seen, and nothing where it is dead already and not yet buried."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return "" if fields[0] in "ZX" else fields[19]
