"""How does a run folder go from nothing, or from one finished run, to the next finished run?"""

import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from scorer.durable import move, sync, unwritable
from scorer.errors import RunError
from scorer.faults import reach
from scorer.manifest import KEPT, STAGING, Shard, TableFile, parse_shard, shard_text, write_run
from scorer.tables.schemas import TABLES
from scorer.tables.writer import RunTables, ShardWriter

MARK = "shard.json"
OURS = re.compile(r"[0-9a-f]{64}\.parquet")


class RunFolder:
    """A run folder that is written to; its lock is held (see lock.py).

    A shard is staged, verified, and kept under a hidden name, all tables at once. When the last one is there, all files get their final
    names and run.json is written; only then is what the run before had, and this one has not, removed. A worker has a `staging` of its own
    inside the private folder of its run, keeps shards, and does nothing else; one that outlives its run finds that folder gone.
    """

    def __init__(self, out: Path, before: Iterable[Shard] = (), *, staging: Path | None = None) -> None:
        self._out = out
        self._staging = staging or out / STAGING
        self._kept = out / KEPT
        self._before = {shard.id: shard for shard in before}

    @contextmanager
    def workdir(self) -> Iterator[Path]:
        """A private folder for what is needed only now; also removes what runs before left in theirs."""
        try:  # from before the folder is there: a run may be told to stop while it is made
            yield self._swept()
        finally:
            shutil.rmtree(self._staging, ignore_errors=True)

    def _swept(self) -> Path:
        """A new folder in `staging`, with nothing else there."""
        try:
            shutil.rmtree(self._staging, ignore_errors=True)
            self._staging.mkdir(parents=True, exist_ok=True)  # a worker of a run that was killed may still write there
            return Path(tempfile.mkdtemp(dir=self._staging))
        except OSError as error:
            raise unwritable(self._staging, error) from error

    def is_whole(self) -> bool:
        """Whether all that the run before had is there, as it was; also removes what a kill after its run.json left."""
        whole = all(self.find(shard_id) for shard_id in self._before)
        if whole:
            self._clean({f"{shard_id}.parquet" for shard_id in self._before})
        return whole

    def find(self, shard_id: str) -> Shard | None:
        """The shard, where it is finished and its files are still what they were."""
        shard = self._before.get(shard_id) or self._marked(shard_id)
        whole = shard and all(self._place(shard_id, name, file) for name, file in shard.tables.items())
        return shard if whole else None

    def writer(self, shard_id: str, tables: RunTables) -> ShardWriter:
        """Where to write a shard; give it to `keep` when all is written."""
        folder = self._staging / shard_id
        shutil.rmtree(folder, ignore_errors=True)
        return ShardWriter(folder, tables)

    def keep(self, writer: ShardWriter, counts: Mapping[str, Any], *, call_ids: Sequence[str]) -> Shard:
        """Verify a shard, that it holds exactly these calls among scored and rejected ones, and keep it.

        Raises RunError where it does not, or cannot be written.
        """
        tables = writer.finish()
        shard = Shard(writer.folder.name, tables, json.dumps(counts))
        _check_calls(writer.folder, call_ids)
        try:
            reach("mark")
            with (writer.folder / MARK).open("w", encoding="utf-8") as stream:
                stream.write(shard_text(shard))
            sync(writer.folder / MARK)
            sync(writer.folder)
            self._kept.mkdir(exist_ok=True)
            if there := self._kept_whole(shard.id):  # by another worker: never touch what the driver may be publishing
                return there
            shutil.rmtree(self._kept / shard.id, ignore_errors=True)  # one that was found damaged
            reach("keep")
            try:
                move(writer.folder, self._kept / shard.id)
            except OSError:
                if there := self._kept_whole(shard.id):  # another worker was first
                    return there
                raise
            reach("keep-sync")
            sync(self._kept)
        except OSError as error:
            raise unwritable(self._kept, error) from error
        return shard

    def publish(self, shards: Sequence[Shard], run: Mapping[str, Any]) -> dict[str, Any]:
        """Give all files their final names, then write run.json; returns it."""
        try:
            for name in TABLES:
                (self._out / name).mkdir(exist_ok=True)
            for shard in shards:
                self._publish_shard(shard)
            reach("publish-sync")
            for name in TABLES:
                sync(self._out / name)
            sync(self._out)
            whole = write_run(self._out, run, shards)
            self._clean({f"{shard.id}.parquet" for shard in shards})
        except OSError as error:
            raise unwritable(self._out, error) from error
        return whole

    def _marked(self, shard_id: str) -> Shard | None:
        try:
            return parse_shard(json.loads((self._kept / shard_id / MARK).read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None  # not there, or not whole: it is done again

    def _kept_whole(self, shard_id: str) -> Shard | None:
        shard = self._marked(shard_id)
        return (
            shard if shard and all(file.is_at(self._kept / shard_id / f"{name}.parquet") for name, file in shard.tables.items()) else None
        )

    def _place(self, shard_id: str, name: str, file: TableFile) -> Path | None:
        """Where the file is now: kept, or published by a run that was killed, or by the run before."""
        kept, final = self._kept / shard_id / f"{name}.parquet", self._out / name / f"{shard_id}.parquet"
        if kept.exists() and not file.is_at(kept):
            kept.unlink()  # damaged: it must not replace a good one
        return next((place for place in (kept, final) if file.is_at(place)), None)

    def _publish_shard(self, shard: Shard) -> None:
        for name in shard.tables:
            kept = self._kept / shard.id / f"{name}.parquet"
            if kept.exists():
                reach("publish")
                move(kept, self._out / name / f"{shard.id}.parquet")
            if not (self._out / name / f"{shard.id}.parquet").exists():
                raise RunError(f"{self._out}: shard {shard.id} is gone from {name}/: nothing was published; give the command again")

    def _clean(self, wanted: set[str]) -> None:
        """Remove what no longer belongs to the run; of the table folders only files that can have been ours."""
        reach("clean")
        for name in TABLES:
            for path in (self._out / name).iterdir():
                if path.name not in wanted and OURS.fullmatch(path.name):
                    path.unlink()
        shutil.rmtree(self._kept, ignore_errors=True)


def _check_calls(folder: Path, call_ids: Sequence[str]) -> None:
    found: list[str] = []
    for name in ("calls", "rejects"):
        column = pq.read_table(folder / f"{name}.parquet", columns=["call_id"], partitioning=None).column("call_id")
        found += [call_id for call_id in column.to_pylist() if call_id is not None]
    if sorted(found) != sorted(call_ids):
        raise RunError(
            f"{folder.name}: of {len(call_ids)} calls {len(set(found))} came out: nothing was published; "
            "please report this with scorer check's output"
        )
