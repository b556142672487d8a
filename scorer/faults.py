"""Where can a run be made to fail on purpose, so that tests see it survive?"""

import errno
import os
import signal
import sys
from itertools import count

from scorer.errors import ConfigError, listing

VARIABLE = "SCORER_FAULT"  # point:action, or 7:action for the seventh point that a run reaches
POINTS = (
    "lock",  # the run folder is ours
    "read",  # before an input file is read
    "plan",  # all rows are sorted, before they become shards
    "score",  # before a shard is scored
    "write",  # before a row group is written
    "close",  # before a table is closed
    "table-sync",  # before a table is brought to disk
    "verify",  # before a table is read back
    "mark",  # before a shard that was read back gets its mark
    "keep",  # before a finished shard gets its name
    "keep-sync",  # after that, before the name is on disk
    "publish",  # before a table file gets its final name
    "publish-sync",  # after the last one, before the names are on disk
    "manifest",  # before run.json is staged
    "manifest-sync",  # before run.json is on disk
    "manifest-name",  # before run.json gets its name
    "manifest-named",  # after that, before the name is on disk
    "clean",  # run.json is there, before what is left over is removed
    "report",  # before report.html is staged
    "report-sync",  # before report.html is on disk
    "report-name",  # before report.html gets its name
    "report-named",  # after that, before the name is on disk
)
STORE_POINTS = (  # where input or output lies in a store
    "lease",  # before a job asks for the place
    "lease-number",  # it has asked, before it takes its number
    "fetch",  # before input is fetched
    "pull",  # before what the store holds of the run is brought here
    "lease-check",  # before the job makes sure that the place is still its own
    "upload",  # before an object is written under a hidden name
    "upload-verify",  # before it is read back
    "upload-name",  # before it is copied to its name
    "upload-run",  # all tables are there, before run.json
    "upload-report",  # run.json is there, before report.html
    "upload-clean",  # before what is left over is removed
    "lease-end",  # all is done, before the next job may come
)
ERRORS = {"error": errno.EIO, "enospc": errno.ENOSPC, "quota": errno.EDQUOT, "readonly": errno.EROFS}
ACTIONS = ("kill", "wait", "memory", *ERRORS)
_reached = count(1)


def reach(point: str) -> None:
    """Do here what SCORER_FAULT asks for; nothing where it is unset or names another point."""
    wanted = os.environ.get(VARIABLE)
    if not wanted:
        return
    where, _, action = wanted.partition(":")
    if (where not in (*POINTS, *STORE_POINTS) and not where.isdigit()) or action not in ACTIONS:
        known = [f"points: {', '.join((*POINTS, *STORE_POINTS))}, or a number", f"actions: {', '.join(ACTIONS)}"]
        raise ConfigError(listing(f"{VARIABLE}: {wanted!r} is not point:action; unset it, or choose from", known))
    number = next(_reached)
    if where == point or where == str(number):
        _act(action, point)


def _act(action: str, point: str) -> None:
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "wait":
        print(f"scorer: waits at {point}", file=sys.stderr, flush=True)
        signal.pause()
    elif action == "memory":
        raise MemoryError
    else:
        raise OSError(ERRORS[action], os.strerror(ERRORS[action]))
