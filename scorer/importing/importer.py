"""What happens in an import, top to bottom? Sources in, one table of calls and one of rejects out, a call at a time."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scorer.config import ScoringConfig, load_yaml
from scorer.errors import RejectBudgetError, count_of
from scorer.importing.files import Document, documents
from scorer.importing.lines import compiled
from scorer.importing.reading import read_document
from scorer.importing.recognise import format_called
from scorer.importing.rejects import ImportReject, RejectList, rejects_path
from scorer.importing.roles import parse_role_map, role_names
from scorer.importing.source import Format, ImportReason, Notes, ReadOptions
from scorer.lock import hold_file
from scorer.tables.transcripts import CallRow, TranscriptWriter


@dataclass
class ImportCounts:
    """What is counted while an import goes through."""

    documents: int = 0
    calls: Counter[str] = field(default_factory=Counter)  # by format
    notes: Notes = field(default_factory=Notes)
    rejects: Counter[tuple[str, str]] = field(default_factory=Counter)  # by format and reason
    causes: dict[str, str] = field(default_factory=dict)  # by reason, where its first reject is and what it says
    tiers: Counter[str] = field(default_factory=Counter)
    role_sources: Counter[str] = field(default_factory=Counter)
    suspects: int = 0

    def add(self, found: CallRow | ImportReject) -> None:
        """Count one result."""
        if isinstance(found, ImportReject):
            self.rejects[found.format or "unknown", found.reason.value] += 1
            self.causes.setdefault(found.reason.value, f"{found.source}: {found.detail}")
            return
        self.calls[found.source_format] += 1
        self.tiers[found.tier] += 1
        self.role_sources[found.role_source] += 1
        self.suspects += found.role_suspect


@dataclass(frozen=True, slots=True)
class Imported:
    """A finished import: its counts, and whether too much was rejected."""

    out: Path
    rejects: Path
    counts: ImportCounts
    over_budget: RejectBudgetError | None = None


def import_sources(
    sources: Sequence[str],
    *,
    out: Path,
    config: Path,
    format_name: str,
    role_map: str,
    speaker_pattern: str | None,
    progress: Callable[[int, int], None],
) -> Imported:
    """Import every call of the sources into `out`, and list what is not imported beside it.

    Memory does not grow with the number of files. Raises InputError where a source leads nowhere or an option is wrong,
    RunError where `out` cannot be written, LockedError where another import writes it.
    """
    settings = load_yaml(config, ScoringConfig)
    named = None if format_name == "auto" else format_called(format_name)
    options = ReadOptions(
        role_map=parse_role_map(role_map),
        roles=role_names(settings.input.speakers),
        speaker_pattern=compiled(speaker_pattern),
        columns=settings.input.columns.model_dump(),
        milliseconds=settings.input.time_unit == "milliseconds",
    )
    counts = ImportCounts()
    with hold_file(out), RejectList(rejects_path(out)) as rejects, TranscriptWriter(out) as writer:  # the table has its name first
        for found in _results(documents(sources), options, named=named, counts=counts, progress=progress):
            if isinstance(found, CallRow):
                writer.add(found)
            else:
                rejects.add(found)
    return Imported(out, rejects_path(out), counts, over_budget=_over_budget(counts, settings.limits.rejects_max_share, out))


def _results(
    found: Iterable[Document],
    options: ReadOptions,
    *,
    named: Format | None,
    counts: ImportCounts,
    progress: Callable[[int, int], None],
) -> Iterator[CallRow | ImportReject]:
    """What each document gives, counted."""
    seen: set[int] = set()
    for document in found:
        counts.documents += 1
        for result in read_document(document, options, named=named, notes=counts.notes):
            first = _first_of_its_id(result, seen)
            counts.add(first)
            yield first
        progress(counts.documents, 0)


def _over_budget(counts: ImportCounts, allowed: float, out: Path) -> RejectBudgetError | None:
    rejected, calls = counts.rejects.total(), counts.calls.total()
    share = rejected / max(1, rejected + calls)
    if share <= allowed:
        return None
    return RejectBudgetError(
        f"{out}: {count_of(calls, 'call')} imported, but {share:.1%} of what was found was rejected and limits.rejects_max_share allows "
        f"{allowed:.1%}: read {rejects_path(out)}"
    )


def _first_of_its_id(found: CallRow | ImportReject, seen: set[int]) -> CallRow | ImportReject:
    """The call, or a reject where a call with its id came before: the twin of a redacted file, or a copy."""
    if isinstance(found, ImportReject):
        return found
    key = hash(found.call_id)
    if key in seen:
        detail = "a call with this call_id was imported before: the redacted twin, a copy, or a file of that name in another folder"
        return ImportReject(found.source_uri, found.call_id, found.source_format, ImportReason.DUPLICATE_CALL, detail)
    seen.add(key)
    return found
