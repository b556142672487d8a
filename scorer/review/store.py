"""Where is kept what people say? One SQLite file; verdicts in it are only ever added to."""

import datetime as dt
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scorer.errors import ReviewError

VERSION = 2
BUSY_MS = 10_000  # how long a save waits for another one
SCHEMA = """
create table setting(name text primary key, value text not null) strict, without rowid;
create table run(
    run_id text primary key, folder text not null, night text not null, about text not null, drift text not null, seed integer not null
) strict, without rowid;
create table call(
    id integer primary key, run_id text not null references run, call_id text not null, agent text not null, team text not null,
    score real, band text not null, severity integer not null, doubt real not null, labels text not null, kind text not null,
    stratum text not null, state text not null default 'open', unique (run_id, call_id)
) strict;
create index call_order on call(kind, severity, score, id);
create index call_stratum on call(run_id, stratum);
create table flag(
    call integer not null references call, rule text not null, severity text not null, reason text not null, primary key (call, rule)
) strict, without rowid;
create table tally(
    run_id text not null references run, team text not null, agent text not null, behaviour text not null,
    hits integer not null, chances integer not null, primary key (run_id, team, agent, behaviour)
) strict, without rowid;
create table verdict(
    id integer primary key autoincrement, at text not null, who text not null, call integer not null references call,
    kind text not null check (kind in ('flag', 'label', 'call')), segment integer not null, subject text not null,
    answer text not null check (answer in ('yes', 'no', 'unsure', 'withdrawn')), note text not null, machine text not null,
    settles integer not null, supersedes integer references verdict
) strict;
create trigger verdict_is_new before insert on verdict when exists (select 1 from verdict where id = new.id)
    begin select raise(abort, 'verdicts are only superseded'); end;
create trigger verdict_stays before update on verdict begin select raise(abort, 'verdicts are only superseded'); end;
create trigger verdict_remains before delete on verdict begin select raise(abort, 'verdicts are only superseded'); end;
create table dispute(
    id integer primary key autoincrement, at text not null, who text not null, call integer not null references call,
    kind text not null, segment integer not null, subject text not null, machine text not null,
    standing text not null, agent_side text not null
) strict;
create index dispute_call on dispute(call);
create table ruling(
    dispute integer primary key references dispute, at text not null, who text not null,
    outcome text not null check (outcome in ('upheld', 'overturned')), note text not null
) strict;
create table account(name text primary key, role text not null, password text not null, changed_at text not null) strict, without rowid;
create table login_failure(at real not null, name text not null, address text not null) strict;
"""
KNOWN = "json_extract(about, '$.forgotten') is null"  # of a run: the others stay only where people spoke of their calls
PLACES = """
create table place(verdict integer primary key references verdict, segment integer not null, words text) strict;
create index verdict_by on verdict(call, kind, subject, who, id);
create view stated as select v.id, v.at, v.who, v.call, v.kind, coalesce(p.segment, v.segment) as segment, v.subject, v.answer, v.note,
    v.machine, v.settles, v.supersedes from verdict v left join place p on p.verdict = v.id;
create view current as select v.* from stated v where v.segment <> -2 and not exists (
    select 1 from stated n where n.call = v.call and n.kind = v.kind and n.segment = v.segment and n.subject = v.subject
    and n.who = v.who and n.id > v.id
);
"""  # since version 2: where the words of a verdict are, in a call that was scored again; -2 is verdicts.GONE


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection in which nothing is half done: what is not committed when it closes is gone, what is committed stays.

    Write-ahead log with full syncs: a commit is on disk before it is answered. Raises ReviewError where the file is not ours.
    """
    try:
        connection = sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise ReviewError(f"{path}: cannot be opened ({error}): check the path and its permissions") from error
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("pragma foreign_keys = on")
        connection.execute("pragma synchronous = full")
        yield connection
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
            raise
        raise ReviewError(f"{path}: cannot be used ({error}): check disk space, permissions and that it is a review database") from error
    finally:
        connection.close()


@contextmanager
def saving(connection: sqlite3.Connection) -> Iterator[None]:
    """One change, whole or not at all; others that save at the same moment wait their turn."""
    connection.execute("begin immediate")
    try:
        yield
        connection.execute("commit")
    finally:
        if connection.in_transaction:
            connection.execute("rollback")


def prepare(path: Path) -> None:
    """Make the database where it is missing, bring one of version 1 up to date. Raises ReviewError where it is of another version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)  # it holds what people said of people
    with opened(path) as connection:
        connection.execute("pragma journal_mode = wal")
        with saving(connection):
            found = connection.execute("pragma user_version").fetchone()[0]
            if found == 0:
                _make(connection)
            if found == 1:
                connection.execute("drop view current")
                connection.execute("drop index verdict_subject")
                _run(connection, PLACES)
    if found not in (0, 1, VERSION):
        raise ReviewError(f"{path}: version {found}, this program reads {VERSION}: use the program that made it, or another --db")


@contextmanager
def existing(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a review database that must be there. Raises ReviewError where it is not."""
    if not path.is_file():
        raise ReviewError(f"{path}: no such review database: name it with --db, or make one with scorer review RUN...")
    prepare(path)
    with opened(path) as connection:
        yield connection


def secret(connection: sqlite3.Connection) -> str:
    """The key that signs the session cookies."""
    return str(connection.execute("select value from setting where name = 'session_key'").fetchone()[0])


def now() -> str:
    """The moment, in UTC, to the microsecond."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")


def _make(connection: sqlite3.Connection) -> None:
    _run(connection, SCHEMA + PLACES)
    connection.execute("insert into setting values ('session_key', ?)", [secrets.token_urlsafe(48)])


def _run(connection: sqlite3.Connection, script: str) -> None:
    """The statements of a script, in the transaction that is open; afterwards the database is of this version."""
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
    connection.execute(f"pragma user_version = {VERSION}")
