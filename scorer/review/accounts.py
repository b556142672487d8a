"""Who may get in? Names, roles, hashed passwords, and a brake on guessing."""

import re
import sqlite3
import time
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from scorer.errors import ReviewError
from scorer.review.store import now, saving

Role = Literal["reviewer", "admin"]
SHORTEST = 12  # characters of a password
LONGEST = 200
NAME = re.compile(r"[\w.@-]{1,60}")
TRIES_PER_NAME, TRIES_PER_ADDRESS, WITHIN_S = 5, 50, 900.0


class ThrottledError(ReviewError):
    """Too many tries to get in; `wait_s` says for how long."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"Too many tries. Wait {max(1, round(wait_s / 60))} minutes.")
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may get in. A session that began before `changed_at` is over."""

    name: str
    role: Role
    changed_at: str


def add_account(connection: sqlite3.Connection, name: str, password: str, role: Role) -> None:
    """Add somebody, or give them another password and role. Raises ReviewError for a bad name, role or password."""
    if not NAME.fullmatch(name) or role not in get_args(Role):
        raise ReviewError("a name has up to 60 letters, digits and . @ - _, a role is reviewer or admin: choose again")
    if not SHORTEST <= len(password) <= LONGEST:
        raise ReviewError(f"a password has {SHORTEST} to {LONGEST} characters: choose another")
    with saving(connection):
        connection.execute("insert or replace into account values (?, ?, ?, ?)", [name, role, PasswordHasher().hash(password), now()])


def remove_account(connection: sqlite3.Connection, name: str) -> None:
    """Let somebody in no more; their verdicts stay. Raises ReviewError where there is nobody of that name."""
    if connection.execute("delete from account where name = ?", [name]).rowcount == 0:
        raise ReviewError(f"there is no account {name!r}: see scorer review users list")


def accounts(connection: sqlite3.Connection) -> list[Account]:
    """Everybody who may get in, by name."""
    return [Account(*row) for row in connection.execute("select name, role, changed_at from account order by name")]


def any_account(connection: sqlite3.Connection) -> bool:
    """Whether everybody has to log in."""
    return connection.execute("select 1 from account limit 1").fetchone() is not None


def find_account(connection: sqlite3.Connection, name: str) -> Account | None:
    """The account of a name."""
    row = connection.execute("select name, role, changed_at from account where name = ?", [name]).fetchone()
    return Account(*row) if row else None


def log_in(connection: sqlite3.Connection, name: str, password: str, *, address: str) -> Account | None:
    """The account, or None where name or password is wrong; a wrong name takes as long as a wrong password.

    The try is counted before anything is looked at, so that many at once cannot slip through.
    Raises ThrottledError where there were too many tries; that try is not counted.
    """
    tried = connection.execute("insert into login_failure values (?, ?, ?)", [time.time(), name[:60], address]).lastrowid
    wait = _wait_s(connection, name[:60], address)
    if wait:
        connection.execute("delete from login_failure where rowid = ?", [tried])
        raise ThrottledError(wait)
    row = connection.execute("select password from account where name = ?", [name]).fetchone()
    if not _fits(row[0] if row else _nobody(), password) or row is None:
        return None
    connection.execute("delete from login_failure where rowid = ?", [tried])
    return find_account(connection, name)


def _wait_s(connection: sqlite3.Connection, name: str, address: str) -> float:
    """Seconds until another try is allowed; 0 where this one is."""
    since = time.time() - WITHIN_S
    connection.execute("delete from login_failure where at < ?", [since])
    waits = [0.0]
    for column, value, limit in (("name", name, TRIES_PER_NAME), ("address", address, TRIES_PER_ADDRESS)):
        tries = [at for (at,) in connection.execute(f"select at from login_failure where {column} = ? order by at desc", [value])]
        if len(tries) > limit:
            waits.append(tries[limit] - since)
    return max(waits)


def _fits(hashed: str, password: str) -> bool:
    try:
        return PasswordHasher().verify(hashed, password[:LONGEST])
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobody() -> str:
    """A hash that no password fits, to be compared with where there is no account."""
    return PasswordHasher().hash("nobody has this password")
