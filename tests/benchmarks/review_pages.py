"""How fast do queue and call page answer with 100,000 calls and 20,000 verdicts? Run by hand: python tests/benchmarks/review_pages.py

Options: number of calls and number of verdicts. Prints milliseconds at the server; the aim is under 200.
"""

import random
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from runs import BAD, GOOD, call, write_run
from starlette.testclient import TestClient

from scorer.records import JudgedCall
from scorer.review.server import create_app, open_desk
from scorer.review.store import opened, saving
from scorer.review.verdicts import Subject, add_verdict, set_state

PAGES = [
    "/",
    "/?page=40",
    "/?which=all&team=t3",
    "/?label=apology&state=open",
    "/?which=all&agent=a77",
    "/calls/{n}",
    "/calls/{n}?which=all&team=t3",
    "/disputes",
]
SLOW_PAGES = ["/?which=all&words=words+5", "/calls/{n}?words=words+5", "/agreement", "/trends"]  # not part of the aim
TRIES = 9


def main(calls: int = 100_000, verdicts: int = 20_000) -> None:
    """Build, ask, print."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        run = write_run(Path(folder) / "run", list(many_calls(calls)))
        print(f"{calls} calls written in {time.monotonic() - started:.0f} s")
        started = time.monotonic()
        desk = open_desk(Path(folder) / "reviews.sqlite", [run], person="sam", sample=2000, seed=1)
        print(f"taken into the database in {time.monotonic() - started:.1f} s")
        numbers = say_much(desk.db, verdicts)
        with TestClient(create_app(desk), base_url="http://localhost") as browser:
            for page in PAGES + SLOW_PAGES:
                print(f"{page:40} {ask(browser, page, numbers):7.0f} ms (middle of {TRIES})")


def many_calls(count: int) -> list[JudgedCall]:
    """One in ten bad, each of 24 segments."""
    bad, good = (
        call("x", *kind * 4, texts=dict.fromkeys(range(24), "some words that somebody said on the telephone")) for kind in (BAD, GOOD)
    )
    found = []
    for n in range(count):
        model = bad if n % 10 == 0 else good
        fields = {**model.call.fields, "agent_id": f"a{n % 300}", "team": f"t{n % 12}"}
        found.append(replace(model, call=replace(model.call, call_id=f"call-{n:06}", fields=fields)))
    return found


def say_much(db: Path, count: int) -> list[int]:
    """That many verdicts on queued calls; returns the numbers of those calls."""
    rng = random.Random(1)
    with opened(db) as connection:
        numbers = [n for (n,) in connection.execute("select id from call where kind <> 'rest'")]
        with saving(connection):
            for _ in range(count):
                number = rng.choice(numbers)
                subject = Subject(number, "label", rng.randrange(24), "apology")
                add_verdict(connection, subject, rng.choice(["yes", "no"]), who=f"p{rng.randrange(5)}", machine={"given": True})
                set_state(connection, number)
    return numbers


def ask(browser: TestClient, page: str, numbers: list[int]) -> float:
    """Milliseconds until the answer is there, the middle of several."""
    rng = random.Random(2)
    taken = []
    for _ in range(TRIES):
        path = page.format(n=rng.choice(numbers))
        started = time.perf_counter()
        assert browser.get(path).status_code == 200
        taken.append(1000 * (time.perf_counter() - started))
    return statistics.median(taken)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
