"""What is different about a night when its output lies in a store? It is scored in a folder here, which is kept until all is there."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scorer.durable import digest, unwritable
from scorer.errors import RunError, ScorerError
from scorer.lock import hold
from scorer.pipeline import Night, score_night
from scorer.places import check_apart, is_uri, parse_uri, plain
from scorer.tables.lease import leased
from scorer.tables.mirror import Mirror
from scorer.tables.store import Store


def score_to(out: str, inputs: Sequence[str], *, work: Path | None, **night: Any) -> tuple[Night, str]:
    """Score into a folder or a URI; returns the night and where it is, as it is told. `night` is as in score_night.

    A URI is worked for in a folder of its own below `work`, else below the user's cache folder. It is there until the run is whole in
    the store, so that a run that was killed goes on from it; on another machine it goes on from the shards that got into the store.
    """
    check_apart(out, inputs)
    if not is_uri(out):
        folder = Path(plain(out))
        return score_night(inputs, out=folder, **night), str(folder)
    uri = parse_uri(out)
    root = _private((work or _cache()) / digest([str(uri), uri.query])[:16])
    here = root / "run"
    store = Store(uri)
    with hold(root), _told_as(str(uri), here), leased(store) as lease:
        mirror = Mirror(store, here, lease.check)
        mirror.pull()
        done = score_night(inputs, out=here, kept=mirror.push, **night)
        mirror.publish()
        shutil.rmtree(here, ignore_errors=True)  # it holds transcripts
    if done.over_budget:
        done.over_budget.args = (str(done.over_budget).replace(str(here), str(uri)),)
    return done, str(uri)


def fetch_run(uri: str, out: Path) -> dict[str, Any]:
    """Bring a finished run from a store into a folder; returns its run.json.

    Raises RunError where there is none or the folder holds something else, StoreError where what is there is damaged.
    """
    if not is_uri(uri):
        raise RunError(f"{uri}: a folder of this machine: give it to the command that reads the run, there is nothing to fetch")
    store = Store(parse_uri(uri))
    with hold(out):
        return Mirror(store, out).fetch()


def _cache() -> Path:
    if "XDG_CACHE_HOME" in os.environ:
        return Path(os.environ["XDG_CACHE_HOME"]) / "scorer"
    try:
        return Path.home() / ".cache" / "scorer"
    except RuntimeError as error:
        raise RunError("there is no home folder to work in: name one with --work") from error


def _private(root: Path) -> Path:
    """The folder, made for this user alone: it holds transcripts while the run lasts."""
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(root, error) from error
    return root


@contextmanager
def _told_as(place: str, here: Path) -> Iterator[None]:
    """Errors name the place that the user knows."""
    try:
        yield
    except ScorerError as error:
        error.args = (str(error).replace(str(here), place),)
        raise
