"""How are a run folder here and the same run in a store kept alike? The store has no rename, so there run.json alone says what is whole."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from scorer.durable import file_hash, move, sync, unwritable
from scorer.errors import RunError
from scorer.faults import reach
from scorer.manifest import KEPT, REPORT, RUN_FILE, Shard, TableFile, check_free, claim, parse_run, parse_shard, shard_text, shards_of
from scorer.tables.folder import MARK, OURS
from scorer.tables.schemas import TABLES
from scorer.tables.store import GoneError, Store, StoreError, side_by_side


class Mirror:
    """A run folder `here`, whose lock is held, and its place in a store; `check` raises RunError where that is no longer this job's.

    In the store, an object is written below KEPT, read back, and only then copied to its name: a name never holds half a file. Objects
    are removed only after run.json is there, and of those only what was there when the run began, or what it put there itself.
    """

    def __init__(self, store: Store, here: Path, check: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._here = here
        self._check = check
        self._run: bytes | None = None  # run.json as the store had it
        self._there: dict[str, int] = {}  # objects that were there at the beginning, and those that were put
        self._sound: set[str] = set()  # objects whose bytes were read and are what they should be

    def pull(self) -> None:
        """Bring here what the store holds: the run before and the shards of one that is not finished.

        What is missing or damaged there is left out, to be made again. Raises RunError where the store holds something else there.
        """
        reach("pull")
        self._there = self._store.listing()
        self._run = self._store.read(RUN_FILE) if RUN_FILE in self._there else None
        known = self._here / RUN_FILE
        if known.exists() and known.read_bytes() != self._run:
            shutil.rmtree(self._here)  # a run that never got into the store, or is superseded there; its shards are there, see push
        if self._run is None:
            check_free(str(self._store.uri), (name.partition("/")[0] for name in self._there))
        else:
            self._bring_tables(self._run)
            self._write(RUN_FILE, self._run)
            self._bring_report()
        for name in self._there:
            folder, _, mark = name.rpartition("/")
            if mark == MARK and folder.startswith(f"{KEPT}/"):
                self._bring_shard(name)

    def fetch(self) -> dict[str, Any]:
        """Bring a finished run here, whole. Raises RunError where there is none, StoreError where it is damaged."""
        self._run = self._store.read(RUN_FILE)
        if self._run is None:
            raise RunError(f"{self._store.uri}: no {RUN_FILE}: not a run, or one that did not finish; check the URI")
        self._there = self._store.listing()
        about = parse_run(self._store.where(RUN_FILE), self._run)
        claim(self._here, about["fingerprint"])
        missing = self._bring_tables(self._run)
        if missing:
            where = ", ".join(self._store.where(name) for name in missing[:5])
            raise StoreError(
                f"{where}: missing or not what {RUN_FILE} says: give the command again; if it stays, the scorer score that made it"
            )
        self._write(RUN_FILE, self._run)
        self._bring_report()
        return about

    def push(self, shard: Shard) -> Shard:
        """Put a finished shard into the store, so that another machine could go on from it; nobody reads it before it is published."""
        if all(self._there.get(f"{name}/{shard.id}.parquet") == file.size for name, file in shard.tables.items()):
            return shard  # the run before had it
        self._check()
        if f"{KEPT}/{shard.id}/{MARK}" not in self._there:
            names = {name: f"{KEPT}/{shard.id}/{name}.parquet" for name in shard.tables}
            side_by_side(self._put, [(self._local(shard, name), names[name], file.sha256) for name, file in shard.tables.items()])
            with tempfile.TemporaryDirectory() as folder:
                mark = Path(folder) / MARK
                mark.write_text(shard_text(shard), encoding="utf-8")
                self._put(mark, f"{KEPT}/{shard.id}/{MARK}", file_hash(mark))
        return shard

    def publish(self) -> None:
        """Make the store hold the run that is here: tables, then run.json, then the report; then remove what belongs to no run any more.

        Raises RunError where another job has published there in the meantime.
        """
        self._check()
        written = (self._here / RUN_FILE).read_bytes()
        shards = shards_of(parse_run(self._here / RUN_FILE, written))
        side_by_side(self._publish, _files(shards))
        reach("upload-run")
        self._check()
        found = self._standing(written, before=self._run)
        if found == self._run != written:
            self._replace(RUN_FILE, self._check)
        self._repair(shards, written)
        reach("upload-report")
        self._standing(written)
        if self._store.sha256(REPORT) != file_hash(self._here / REPORT):
            self._replace(REPORT, lambda: self._standing(written))
        reach("upload-clean")
        self._standing(written)  # what is left over of the run before may belong to the one that took the place of this one
        self._clean({f"{name}/{shard.id}.parquet" for shard in shards for name in shard.tables})

    def _standing(self, written: bytes, *, before: bytes | None = None) -> bytes | None:
        """The run.json that is there: this run's, or the one `before` it. Raises RunError where it is another one."""
        found = self._store.read(RUN_FILE)
        if found != before and not self._is_same(found, written):
            advice = "let one job at a time work on it, and run the same command again"
            raise RunError(f"{self._store.uri}: another job has published there since this one began: {advice}")
        return found

    def _is_same(self, found: bytes | None, written: bytes) -> bool:
        """Whether another job has published the very same run: it gave the same bytes."""
        where = self._store.where(RUN_FILE)
        return found is not None and parse_run(where, found)["fingerprint"] == parse_run(where, written)["fingerprint"]

    def _bring_tables(self, written: bytes) -> list[str]:
        """The files that a run.json names; returns the names of those that are missing or damaged."""
        shards = shards_of(parse_run(self._store.where(RUN_FILE), written))
        named = [(f"{name}/{shard.id}.parquet", file) for shard, name, file in _files(shards)]
        found = side_by_side(self._bring, named)
        return [name for (name, _), whole in zip(named, found, strict=True) if not whole]

    def _bring_report(self) -> None:
        page = self._store.read(REPORT)
        if page is not None:
            self._write(REPORT, page)

    def _bring_shard(self, name: str) -> None:
        try:
            shard = parse_shard(json.loads(self._store.read(name) or b""))
        except (ValueError, KeyError, TypeError, AttributeError):
            return  # not whole: the shard is done again
        if name != f"{KEPT}/{shard.id}/{MARK}" or not OURS.fullmatch(f"{shard.id}.parquet"):
            return
        if all((self._here / table / f"{shard.id}.parquet").exists() for table in shard.tables):
            return
        brought = [self._bring(f"{KEPT}/{shard.id}/{table}.parquet", file) for table, file in shard.tables.items()]
        if all(brought):
            self._write(name, shard_text(shard).encode())
        else:
            del self._there[name]  # put it there again

    def _bring(self, name: str, file: TableFile) -> bool:
        """Whether the file is here now, as it should be."""
        target = self._here / name
        if file.is_at(target):
            return self._there.get(name) == file.size
        staged = target.with_name(f".{target.name}")
        try:
            staged.parent.mkdir(parents=True, exist_ok=True)
            if self._store.fetch(name, staged) != (file.size, file.sha256):
                staged.unlink()
                return False
            move(staged, target)
        except GoneError:
            return False
        except OSError as error:
            raise unwritable(target, error) from error
        self._sound.add(name)
        return True

    def _write(self, name: str, written: bytes) -> None:
        target = self._here / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            staged = target.with_name(f".{target.name}")
            staged.write_bytes(written)
            sync(staged)
            move(staged, target)
        except OSError as error:
            raise unwritable(target, error) from error

    def _local(self, shard: Shard, name: str) -> Path:
        kept = self._here / KEPT / shard.id / f"{name}.parquet"
        return kept if kept.exists() else self._here / name / f"{shard.id}.parquet"

    def _put(self, source: Path, name: str, sha256: str) -> None:
        """Write an object and read it back. Raises StoreError where it is another one."""
        reach("upload")
        self._store.put(source, name)
        reach("upload-verify")
        self._verify(name, sha256, "written")
        self._there[name] = source.stat().st_size
        self._sound.add(name)

    def _verify(self, name: str, sha256: str, done: str) -> None:
        """Raise StoreError where an object is another one than it should be; RunError where that is since the place is another job's."""
        if self._store.sha256(name) != sha256:
            self._check()
            raise StoreError(f"{self._store.where(name)}: what was {done} does not read back: look after the store and run again")

    def _name(self, staged: str, name: str, sha256: str) -> None:
        """Give a verified object its name."""
        reach("upload-name")
        self._store.copy(staged, name)
        self._verify(name, sha256, "copied")
        self._there[name] = self._there[staged]
        self._sound.add(name)

    def _replace(self, name: str, check: Callable[[], object]) -> None:
        """`check` comes last before the name is given, for much may happen while an object is written."""
        sha256 = file_hash(self._here / name)
        staged = f"{KEPT}/{sha256}/{name}"  # nobody else writes other bytes there
        self._put(self._here / name, staged, sha256)
        try:
            check()
        except RunError:
            self._store.drop(staged)
            raise
        self._name(staged, name, sha256)

    def _publish(self, shard: Shard, name: str, file: TableFile) -> None:
        final, kept = f"{name}/{shard.id}.parquet", f"{KEPT}/{shard.id}/{name}.parquet"
        if final in self._sound:
            return
        if self._there.get(final) == file.size and self._store.sha256(final) == file.sha256:
            self._sound.add(final)
            return
        if kept in self._sound:
            with suppress(GoneError):  # another job took it for its leftover
                self._name(kept, final, file.sha256)
                return
        self._put(self._local(shard, name), kept, file.sha256)
        self._name(kept, final, file.sha256)

    def _repair(self, shards: list[Shard], written: bytes) -> None:
        """Another job may have removed objects as its leftovers while this one named them."""
        there = self._store.listing()
        lost = [found for found in _files(shards) if there.get(f"{found[1]}/{found[0].id}.parquet") != found[2].size]
        if lost:
            self._standing(written)
        for shard, name, file in lost:
            self._sound -= {f"{name}/{shard.id}.parquet", f"{KEPT}/{shard.id}/{name}.parquet"}
            self._there.pop(f"{name}/{shard.id}.parquet", None)
            self._publish(shard, name, file)

    def _clean(self, wanted: set[str]) -> None:
        """Remove, of what was there at the beginning or put since, what can have been ours and does not belong to the run."""
        kept = set()
        for name in sorted(self._there):
            table, _, file = name.partition("/")
            if table in TABLES and OURS.fullmatch(file) and name not in wanted:
                self._store.remove(name)
            elif table == KEPT and "/" in file:
                kept.add(f"{KEPT}/{file.partition('/')[0]}")
        for folder in sorted(kept):
            self._store.clear(folder)
        if kept and not self._store.listing(KEPT):
            self._store.clear(KEPT)


def _files(shards: list[Shard]) -> Iterator[tuple[Shard, str, TableFile]]:
    for shard in shards:
        for name, file in shard.tables.items():
            yield shard, name, file
