"""Which calls are in these files, and in which shards are they scored?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import pyarrow as pa

from scorer.config import InputMapping, Limits
from scorer.durable import digest
from scorer.errors import InputError, count_of, listing
from scorer.faults import reach
from scorer.records import Call, Reject, RejectReason
from scorer.tables.assemble import Assembler
from scorer.tables.carried import merge_carried
from scorer.tables.fence import Fence
from scorer.tables.files import InputFile
from scorer.tables.intake import Asked, Intake, in_a_row, take_in
from scorer.tables.packs import pack_files
from scorer.tables.spool import Place, Spool


@dataclass(frozen=True, slots=True)
class Plan:
    """One shard that is to be scored; its id is the digest of all that its result depends on."""

    id: str
    place: Place


class CallReader:
    """Reads all files to their end into a spool, then gives their calls whole, shard by shard.

    `rows_in` is counted from the Arrow columns, apart from the rows of calls and rejects: the two must agree.
    `rejects` are those that belong to no call: files that cannot be read, rows without a call_id.
    """

    def __init__(self, files: Sequence[InputFile], mapping: InputMapping, *, limits: Limits, spool: Spool) -> None:
        self._files = tuple(files)
        self._mapping = mapping
        self._limits = limits
        self._spool = spool
        self._read: dict[int, Intake] = {}
        self.rows_in = 0
        self.rejects: list[Reject] = []

    def read(self, workdir: Path, behind: Fence) -> None:
        """Read every file; one that cannot be read becomes a reject, and so does a copy: it would say every segment twice.

        Raises InputError with every problem where not one file can be read, RunError where the spool or `workdir` is full.
        """
        known: dict[str, str] = {}  # sha256 -> where; files without a row may be alike
        for files in in_a_row(self._files, workdir):
            wanted = [one for one in files if one.file.sha256 not in known]
            found = dict(zip(wanted, take_in(wanted, mapping=self._mapping, behind=behind), strict=True))
            self._spool.load([one.target for one in wanted if isinstance(found[one], Intake)])
            for one in files:
                self._keep(one, found.get(one), known)
        if not self._read:
            problems = [f"{reject.source}: {reject.detail}" for reject in self.rejects]
            raise InputError(listing(f"input cannot be read: {count_of(len(problems), 'problem')}", problems))

    def _keep(self, asked: Asked, found: Intake | Reject | None, known: dict[str, str]) -> None:
        """What came of a file; None where it was not read, since its bytes are known."""
        file = asked.file
        if found is None:
            detail = f"holds the same bytes as {known[file.sha256]}, which is read: give one of them"
            self.rejects.append(Reject(RejectReason.FILE_DUPLICATE, file.source, rows=0, detail=detail, stage="open"))
        elif isinstance(found, Reject):
            self.rejects.append(found)
            asked.target.unlink(missing_ok=True)
        else:
            self._read[asked.number] = found
            self.rows_in += found.rows
            if found.rows:
                known[file.sha256] = file.source
            if found.missing:
                detail = "call_id is null, empty or only spaces"
                self.rejects.append(Reject(RejectReason.CALL_ID_MISSING, file.source, rows=found.missing, detail=detail))

    @property
    def carried(self) -> pa.Schema:
        """The carried columns of all files."""
        return merge_carried(found.carried for found in self._read.values())

    @property
    def assembler(self) -> Assembler:
        """What makes calls of rows, here or elsewhere."""
        names = tuple(file.source for file in self._files)
        schemas = {number: found.carried for number, found in self._read.items()}
        return Assembler(names, schemas, self.carried, self._limits, self._spool.aside)

    def plan(self, shard_rows: int, *, base: str) -> list[Plan]:
        """The shards of the night; `base` stands for all that a result depends on beside the input.

        An id covers the calls and, of the files that each comes from, path and bytes: so all rows, without reading them again.
        """
        reach("plan")
        plans = []
        packs = pack_files(((number, self._files[number].sha256, found.rows) for number, found in self._read.items()), shard_rows)
        for place, calls in groupby(self._spool.plan(shard_rows, packs), key=itemgetter(0)):
            sources = (" ".join([call_id, *(self._files[number].identity for number in files)]) for _, call_id, files in calls)
            plans.append(Plan(digest([base, *sources]), place))
        return plans

    def calls(self, plans: Sequence[Plan]) -> Iterator[tuple[Plan, list[str], Iterator[Call | Reject]]]:
        """The planned shards, each with the call_ids that it must give and its calls in ascending order of call_id."""
        by_place, assembler = {plan.place: plan for plan in plans}, self.assembler
        for place, calls in self._spool.shards([plan.place for plan in plans]):
            yield by_place[place], self._spool.call_ids(place), (assembler.assemble(rows[0].call_id, rows) for rows in calls)

    def hand_out(self, plans: Sequence[Plan], folder: Path) -> Iterator[tuple[Plan, list[str], Path, int]]:
        """The planned shards, each with its call_ids, a file of its rows (see Spool.hand_out) and their number."""
        by_place = {plan.place: plan for plan in plans}
        for place, path, rows in self._spool.hand_out([plan.place for plan in plans], folder):
            yield by_place[place], self._spool.call_ids(place), path, rows
