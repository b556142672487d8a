"""What a night promises holds in an object store too, one test a guarantee; every run is a process, before it a store that fails."""

import hashlib
import io
import json
import os
import random
import re
import shutil
import signal
import socket
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from faulty_store import Store, faulty_store
from lease_jobs import lease_rounds
from nights import ROOT, arguments, published, small_shards, write_night
from nursery import Nursery, Running

from scorer.errors import LockedError, RunError
from scorer.faults import STORE_POINTS
from scorer.places import parse_uri
from scorer.tables.fetching import find_inputs
from scorer.tables.lease import Lease
from scorer.tables.store import GoneError
from scorer.tables.store import Store as TheStore

pytestmark = pytest.mark.slow
SECRET = "tangerine"
SECONDS = "20"  # that a store may fail before a run gives up


@dataclass
class Lake:
    """A bucket, and how runs are made that read or write it."""

    store: Store
    client: Any
    nursery: Nursery
    other: Nursery  # another machine's
    model: Path
    config: Path
    here: Path
    bucket: str = ""
    clean: dict[str, str] = field(default_factory=dict)

    def uri(self, key: str) -> str:
        return self.store.uri(f"{self.bucket}/{key}")

    def command(self, night: object, *more: object, out: object, machine: str = "one") -> list[object]:
        """The command line that scores on a machine."""
        return arguments(night, out, self.model, self.config, *more, "--work", self.here / machine)

    def score(self, *inputs: object, out: object, fault: str = "", machine: str = "one", more: tuple[object, ...] = ()) -> tuple[int, str]:
        return self.nursery.run(*self.command(*inputs, out=out, machine=machine), "--log", "json", *more, fault=fault)

    def night(self, fault: str = "", **more: Any) -> tuple[int, str]:
        return self.score(self.uri("night"), out=self.uri("out"), fault=fault, **more)

    def put(self, key: str, body: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=key, Body=body)

    def put_folder(self, folder: Path, key: str) -> None:
        for path in sorted(folder.rglob("*.parquet")):
            self.put(f"{key}/{path.relative_to(folder)}", path.read_bytes())

    def listed(self, prefix: str = "") -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [row["Key"] for page in pages for row in page.get("Contents", [])]

    def read(self, key: str) -> bytes:
        return bytes(self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def published(self, key: str = "out") -> dict[str, str]:
        """As nights.published, of the objects that are there; fails where the run is not whole."""
        found = {name.removeprefix(f"{key}/"): self.read(name) for name in self.listed(f"{key}/") if not name.endswith("/")}
        run = json.loads(found.pop("run.json"))
        assert b"</html>" in found.pop("report.html")
        hashes = {name: hashlib.sha256(body).hexdigest() for name, body in found.items()}
        assert {f"{table}/{x['id']}.parquet": f["sha256"] for x in run["shards"] for table, f in x["tables"].items()} == hashes
        return hashes | {"run.json": json.dumps(run | {"seconds": 0}, sort_keys=True)}

    def check_rerun(self, **more: Any) -> None:
        """Starting again gives what an undisturbed run gives, and leaves nothing beside it."""
        self.store.faults.clear()
        code, said = self.night(**more)
        assert code == 0, said
        assert self.published() == self.clean
        assert not [path for path in self.here.rglob("*") if "run" in path.parts]

    def visible(self) -> bool:
        return "out/run.json" in self.listed("out/")


def events(said: str, name: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == name]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, keyword_folder: Path, nursery: Nursery, other_nursery: Nursery) -> Iterator[Lake]:
    """A night in a bucket, and what a run of it gives in a folder here."""
    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch, faulty_store() as store:
        patch.setenv("AWS_ACCESS_KEY_ID", "reader")
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("SCORER_STORE_SECONDS", SECONDS)
        client = boto3.client("s3", endpoint_url=store.direct, region_name="us-east-1")
        yield Lake(store, client, nursery, other_nursery, keyword_folder, small_shards(folder, rows=30), folder)


@pytest.fixture
def lake(tmp_path: Path, first: Lake) -> Iterator[Lake]:
    """The bucket as the night begins; every test has its own, under the same name."""
    bucket = "lake"
    first.client.create_bucket(Bucket=bucket)
    lake = replace(first, bucket=bucket, here=tmp_path)
    lake.put_folder(write_night(tmp_path / "night"), "night")
    if not first.clean:
        code, said = lake.score(lake.uri("night"), out=tmp_path / "clean")
        assert code == 0, said
        first.clean = published(tmp_path / "clean")
    lake.clean = first.clean
    yield lake
    lake.store.faults.clear()
    for key in lake.listed():
        lake.client.delete_object(Bucket=bucket, Key=key)
    lake.client.delete_bucket(Bucket=bucket)


def test_a_run_to_a_store_gives_the_bytes_of_a_run_to_a_folder(lake: Lake) -> None:
    code, said = lake.night()

    assert code == 0 and SECRET not in said and "endpoint" not in said, said
    assert lake.published() == lake.clean
    assert {row["path"] for row in json.loads(lake.clean["run.json"])["inputs"]} == {f"s3://lake/night/part-{n}.parquet" for n in range(3)}
    lake.store.asked.clear()
    code, said = lake.night()
    assert code == 0 and "already held this run" in said
    changes = [line for line in lake.store.asked if line.startswith(("PUT", "DELETE")) and "/.lease." not in line]
    assert set(changes) <= {"PUT /lake/out/"}  # pyarrow's mark of the folder, where it removed the lease


def test_a_file_in_a_store_gives_the_rows_of_the_same_file_here(lake: Lake) -> None:
    write_night(lake.here / "lake" / "date=2026-11-20")
    lake.put_folder(lake.here / "lake", "lake")
    dated = ("--date", "2026-11-20")
    assert lake.score(f"file://{lake.here}/lake", out=f"file://{lake.here}/out", more=dated)[0] == 0
    assert lake.score(lake.uri("lake"), out=lake.uri("scores"), more=dated)[0] == 0

    here = [path.read_bytes() for path in (lake.here / "out" / "date=2026-11-20").rglob("*.parquet")]
    there = [lake.read(key) for key in lake.listed("scores/date=2026-11-20/") if key.endswith(".parquet")]
    assert _rows(here) == _rows(there)


def _rows(tables: Iterable[bytes]) -> list[str]:
    """The rows of all tables but for what names the run, which covers where its input lay, and the input's place."""
    found = [row for table in tables for row in pq.read_table(io.BytesIO(table)).to_pylist()]
    return sorted(str({name: value for name, value in row.items() if name not in ("run_id", "source")}) for row in found)


def test_keys_folders_and_patterns_mean_what_paths_mean(lake: Lake) -> None:
    lake.put("night/_hidden.parquet", b"x")
    lake.put("night/.part-0.parquet", b"x")
    names = ["night/part-0.parquet", "night/part-1.parquet", "night/part-2.parquet"]

    lake.put("night/_old/part-9.parquet", b"x")
    for wanted in (names, ["night"], ["night/part-[0-2].parquet"], ["**/*.parquet"], ["n*/part-*", "night/*"], ["nig*"]):
        found = find_inputs([lake.uri(key) for key in wanted], lake.here / "fetched")
        assert [file.source for file in found] == [f"s3://lake/{name}" for name in names], wanted
        assert [file.path.read_bytes() for file in found] == [lake.read(name) for name in names]
        shutil.rmtree(lake.here / "fetched")


def test_what_lies_in_a_store_is_checked_as_files_are(lake: Lake) -> None:
    config = ("--config", lake.config)
    code, said = lake.nursery.run("check", lake.here / "night", *config)
    assert lake.nursery.run("check", lake.uri("night/*"), *config) == (code, said) and code == 0 and "84 rows" in said, said

    lake.put("night/page.parquet", b"<html>")
    code, said = lake.nursery.run("check", lake.uri("night"), lake.uri("none"), *config)
    assert code == 1 and "s3://lake/none: leads to no" in said, said
    code, said = lake.nursery.run("check", lake.uri("night"), *config)
    assert code == 1 and "problem: s3://lake/night/page.parquet: not a Parquet file" in said, said


EVERYWHERE = [
    ("GET", "part-1"),
    ("HEAD", "part-1"),
    ("GET", "list-type"),
    ("PUT", "calls"),
    ("PUT", "run.json"),
    ("PUT", "report"),
    ("POST", "delete"),
]


@pytest.mark.parametrize("kind", ["500", "503", "cut", "slow"])
def test_a_store_that_fails_in_passing_is_tried_again(lake: Lake, kind: str) -> None:
    faults = [
        lake.store.fault(kind, method, path, times=1 if kind == "slow" else 5, seconds=3.0)
        for method, path in EVERYWHERE
        if kind != "cut" or method != "HEAD"  # has no body
    ]

    code, said = lake.night()

    assert code == 0, said
    assert [fault for fault in faults if fault.struck != fault.times] == []
    assert events(said, "retrying") or kind == "slow"  # one slow answer is what the library sits out
    assert lake.published() == lake.clean


def test_a_connection_cut_in_mid_upload_leaves_nothing_short(lake: Lake) -> None:
    seen: list[set[str]] = []

    def look() -> None:
        seen.append({key for key in lake.listed("out/") if not key.startswith("out/.shards/") and not key.endswith("/")})

    for path in ("segments", "calls", "run.json"):
        lake.store.fault("cut", "PUT", path, times=4, before=look)

    assert lake.night()[0] == 0
    assert len(seen) == 12 and not any("out/run.json" in names for names in seen)
    assert lake.published() == lake.clean


def test_a_large_object_that_is_cut_between_its_parts_comes_out_whole(lake: Lake) -> None:
    path = lake.here / "large"
    path.write_bytes(os.urandom(1 << 20) * 25)
    fault = lake.store.fault("cut", "PUT", "partNumber=2", times=5)
    place = TheStore(parse_uri(lake.uri("parts")))

    place.put(path, "large")

    assert fault.struck == 5
    assert place.sha256("large") == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_key_that_vanishes_between_listing_and_reading_is_a_reject(lake: Lake) -> None:
    lake.put("night/gone.parquet", lake.read("night/part-0.parquet"))
    lake.store.fault(
        "404", "HEAD", "gone.parquet", times=99, before=lambda: lake.client.delete_object(Bucket="lake", Key="night/gone.parquet")
    )

    code, said = lake.night()

    assert code == 4 and events(said, "retrying") == [] and "s3://lake/out/rejects/" in said, said
    assert [(row["source"], row["reason"]) for row in events(said, "rejected")] == [("s3://lake/night/gone.parquet", "file_vanished")]
    run = json.loads(lake.read("out/run.json"))
    assert run["counts"]["files_rejected"] == 1 and run["counts"]["calls"] == 13
    lake.published()


def test_a_key_that_is_written_anew_while_it_is_read_is_read_again_whole(lake: Lake) -> None:
    old = lake.read("night/part-1.parquet")
    lake.put("night/part-1.parquet", lake.read("night/part-0.parquet"))
    lake.store.fault("slow", "HEAD", "part-1", skip=1, before=lambda: lake.put("night/part-1.parquet", old))

    code, said = lake.night()

    assert code == 0 and [row["error"] for row in events(said, "retrying")] == ["CHANGED"], said
    assert lake.published() == lake.clean


@pytest.mark.parametrize(("method", "path"), [("HEAD", "part-1"), ("GET", "part-1"), ("PUT", "out/calls")])
def test_missing_permission_is_not_tried_again_and_said_clearly(lake: Lake, method: str, path: str) -> None:
    fault = lake.store.fault("403", method, path, times=99)

    code, said = lake.night()

    assert code == 1 and "permission is missing" in said and "s3://lake/" in said and events(said, "retrying") == [], said
    assert fault.struck <= 8  # what is done side by side
    assert not lake.visible()


def test_corruption_is_not_tried_again(lake: Lake) -> None:
    body = lake.read("night/part-1.parquet")
    lake.put("night/bad.parquet", body[:2000] + bytes([body[2000] ^ 1]) + body[2001:])
    lake.put("night/page.parquet", b"<html>")

    code, said = lake.night()

    assert code == 4, said
    found = {(row["source"], row["reason"]) for row in events(said, "rejected")}
    assert found == {("s3://lake/night/bad.parquet", "file_corrupt"), ("s3://lake/night/page.parquet", "file_not_parquet")}
    assert events(said, "retrying") == []


@pytest.mark.parametrize("action", ["kill", "error"])
def test_every_step_in_the_store_may_fail(lake: Lake, action: str) -> None:
    done = STORE_POINTS.index("upload-report")
    for at, point in enumerate(STORE_POINTS):
        code, said = lake.night(fault=f"{point}:{action}")

        assert code == (-signal.SIGKILL if action == "kill" else 1), (point, said)
        assert "bug" not in said and (action == "kill" or "again" in said), (point, said)
        assert lake.visible() == (at >= done), point
        if lake.visible():
            lake.put("out/.shards/left/behind", b"x")
    lake.check_rerun()


def test_a_store_that_stays_away_ends_the_run_which_goes_on_later(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.store.fault("503", "PUT", "out/.shards", times=10_000, skip=10)
    began = time.monotonic()

    code, said = lake.night()

    assert code == 1 and "failed for 20 s" in said and "again" in said, said
    assert time.monotonic() - began < 90 and not lake.visible()
    assert len(events(said, "shard")) > 1
    done = len(events(said, "shard"))
    lake.store.faults.clear()
    code, said = lake.night()
    assert code == 0 and len(events(said, "shard")) == len(json.loads(lake.clean["run.json"])["shards"]) - done
    assert lake.published() == lake.clean


def test_another_machine_goes_on_from_what_got_into_the_store(lake: Lake) -> None:
    shards = len(json.loads(lake.clean["run.json"])["shards"])
    code, said = lake.night(fault="90:kill")
    done = len({key.split("/")[2] for key in lake.listed("out/.shards/") if key.endswith("shard.json")})
    assert code == -signal.SIGKILL and 0 < done < shards

    code, said = lake.night(machine="two")

    assert code == 0 and len(events(said, "shard")) == shards - done
    assert lake.published() == lake.clean


def test_a_damaged_object_is_made_anew_by_the_same_command(lake: Lake) -> None:
    assert lake.night()[0] == 0
    bad, gone = (next(iter(lake.listed(f"out/{table}/"))) for table in ("calls", "segments"))
    body = lake.read(bad)
    lake.put(bad, body[:-9] + b"x" + body[-8:])
    lake.client.delete_object(Bucket="lake", Key=gone)
    assert lake.nursery.run("fetch", lake.uri("out"), "--out", lake.here / "copy")[0] == 1

    lake.check_rerun()


def test_a_date_is_replaced_whole_and_the_old_version_stands_until_the_new_one_is_complete(lake: Lake) -> None:
    lake.put_folder(lake.here / "night", "lake/date=2026-11-20")
    dated: dict[str, Any] = {"more": ("--date", "2026-11-20")}
    day = "scores/date=2026-11-20"
    assert lake.score(lake.uri("lake/"), out=lake.uri("scores"), **dated)[0] == 0
    first = lake.published(day)
    gone = pq.read_table(pa.BufferReader(lake.read("lake/date=2026-11-20/part-0.parquet")))
    lake.client.delete_object(Bucket="lake", Key="lake/date=2026-11-20/part-0.parquet")
    pq.write_table(gone.slice(0, 20), lake.here / "part-9.parquet")
    lake.put("lake/date=2026-11-20/part-9.parquet", (lake.here / "part-9.parquet").read_bytes())

    for point in ("upload", "upload-name", "upload-run"):
        assert lake.score(lake.uri("lake/"), out=lake.uri("scores"), fault=f"{point}:kill", **dated)[0] == -signal.SIGKILL
        run = json.loads(lake.read(f"{day}/run.json"))
        assert json.dumps(run | {"seconds": 0}, sort_keys=True) == first["run.json"]
        assert {f"{day}/{name}" for name in first} <= set(lake.listed(day))
    code, said = lake.score(lake.uri("lake/"), out=lake.uri("scores"), machine="two", **dated)

    assert code == 0 and events(said, "shard") == [], said
    second = lake.published(day)
    assert set(first) - set(second)


def test_two_jobs_on_one_output_one_works_the_other_says_who(lake: Lake) -> None:
    command = lake.command(lake.uri("night"), out=lake.uri("out"))
    running = lake.nursery.start(*command, fault="pull:wait")
    running.wait_at("pull")
    code, said = lake.other.run(*command)
    assert code == 75 and f"process {running.pid}" in said, said
    os.kill(running.pid, signal.SIGTERM)
    assert running.wait() == 143
    lake.check_rerun()


def leases(lake: Lake, place: str = "out") -> dict[str, bytes]:
    return {key: lake.read(key) for key in lake.listed(f"{place}/.lease.")}


def wait_for_number(lake: Lake) -> str:
    """The lease of the job that begins, once it has its number."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if found := [key for key in lake.listed("out/.lease.") if key.rpartition(".")[2].isdigit()]:
            return found[0]
        time.sleep(0.02)
    raise AssertionError("no job took a lease")


@contextmanager
def silenced(lake: Lake, place: str) -> Iterator[dict[str, bytes]]:
    """The job that works there stands still, as on a machine that sleeps."""
    held = leases(lake, place)
    (pid,) = {json.loads(body)["pid"] for body in held.values()}
    os.kill(pid, signal.SIGSTOP)
    try:
        yield held
    finally:
        os.kill(pid, signal.SIGCONT)


def once_free(run: Callable[[], tuple[int, str]]) -> tuple[int, str]:
    """Given again for as long as another one holds the place, as a scheduler does."""
    until = time.monotonic() + 60
    while (found := run())[0] == 75 and time.monotonic() < until:
        time.sleep(0.2)
    return found


def start(lake: Lake, nursery: Nursery, machine: str, fault: str = "") -> Running:
    return nursery.start(*lake.command(lake.uri("night"), out=lake.uri("out"), machine=machine), "--log", "json", fault=fault)


def test_whatever_the_moments_one_job_holds_a_place_and_all_others_leave(lake: Lake) -> None:
    chosen = random.Random(5)
    lake.store.fault("slow", "PUT", "/.lease.", times=10_000, before=lambda: time.sleep(chosen.choice([0, 0.03, 0.1])))

    rounds = lease_rounds(lake.uri("out"), jobs=3, rounds=25)

    assert [sorted(found) for found in rounds] == [["held", "left", "left"]] * 25
    assert leases(lake) == {}


def test_a_job_that_slept_before_it_had_its_number_lost_its_turn(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCORER_LEASE_SECONDS", "1")
    ids, later = iter((uuid.UUID(int=0), uuid.UUID(int=1))), uuid.uuid4
    monkeypatch.setattr("scorer.tables.lease.uuid.uuid4", lambda: next(ids, None) or later())  # the sleeper's would be first
    place = TheStore(parse_uri(lake.uri("out")))
    sleeper, other = Lease(place), Lease(place)
    asleep = iter((True,))
    monkeypatch.setattr(
        "scorer.tables.lease.reach", lambda point: other.take() if point == "lease-number" and next(asleep, False) else None
    )

    with pytest.raises(RunError, match="took this one for dead"):
        sleeper.take()

    other.check()
    sleeper.end()
    other.end()
    assert leases(lake) == {}


def test_a_job_that_does_not_come_to_its_number_is_not_waited_for_long(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"host": "elsewhere", "boot": "b", "space": "s", "pid": 7, "started": "1", "seconds": 600}
    key = f"out/.lease.{'0' * 32}.asking"
    lake.put(key, json.dumps(there).encode())
    monkeypatch.setattr("scorer.tables.lease.ASKING_S", 0.5)

    with pytest.raises(LockedError, match="process 7 on elsewhere works on it"):
        Lease(TheStore(parse_uri(lake.uri("out")))).take()


def test_two_jobs_that_begin_at_once_on_two_machines_one_works_the_other_says_who(lake: Lake) -> None:
    for _ in range(4):
        jobs = [start(lake, lake.nursery, "one", "plan:wait"), start(lake, lake.other, "two", "plan:wait")]
        until = time.monotonic() + 60
        while not (lost := [job for job in jobs if "works on it" in job.said()]) and time.monotonic() < until:
            time.sleep(0.02)
        (holder,) = [job for job in jobs if job not in lost]
        assert lost[0].wait() == 75
        said = events(lost[0].said(), "failed")[0]["message"]
        assert f"s3://lake/out: process {holder.pid} on {socket.gethostname()} works on it" in said and "it is free at" in said
        os.kill(holder.pid, signal.SIGTERM)
        assert holder.wait() == 143
        assert leases(lake) == {}
    lake.check_rerun()


def test_a_holder_that_was_killed_does_not_keep_its_machine_waiting(lake: Lake) -> None:
    assert lake.night(fault="plan:kill")[0] == -signal.SIGKILL
    assert leases(lake)

    code, said = lake.night(machine="two")

    assert code == 0 and [row["host"] for row in events(said, "freed")] == [socket.gethostname()], said
    assert lake.published() == lake.clean


def test_a_dead_holder_elsewhere_keeps_the_place_for_as_long_as_it_promised_to_give_signs(lake: Lake) -> None:
    there = {"host": "elsewhere", "boot": "b", "space": "s", "pid": 7, "started": "1", "seconds": 600}
    key = f"out/.lease.{'0' * 32}.1"
    lake.put(key, json.dumps(there).encode())
    code, said = lake.night()
    assert code == 75 and "process 7 on elsewhere works on it" in said, said
    assert leases(lake) == {key: json.dumps(there).encode()}

    lake.put(key, json.dumps(there | {"seconds": 1}).encode())
    code, said = once_free(lake.night)

    assert code == 0, said
    assert lake.published() == lake.clean


def test_a_lease_holds_for_as_long_as_its_job_lives(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCORER_LEASE_SECONDS", "8")
    holder = start(lake, lake.other, "one", "plan:wait")
    key = wait_for_number(lake)
    began = lake.client.head_object(Bucket="lake", Key=key)["LastModified"]
    until = time.monotonic() + 18  # more than twice as long as it would hold without a sign of life
    while time.monotonic() < until:
        assert key in lake.listed("out/.lease."), holder.said()
        time.sleep(0.5)
    assert (lake.client.head_object(Bucket="lake", Key=key)["LastModified"] - began).seconds > 8

    code, said = lake.night(machine="two")

    assert code == 75 and f"process {holder.pid}" in said, said
    os.kill(holder.pid, signal.SIGKILL)
    assert holder.wait() == -signal.SIGKILL
    lake.check_rerun()


def test_jobs_of_two_machines_never_mix(lake: Lake) -> None:
    assert lake.night(fault="upload-run:kill")[0] == -signal.SIGKILL
    assert lake.night(machine="two")[0] == 0
    one = lake.read("out/run.json")
    assert lake.night()[0] == 0 and lake.read("out/run.json") == one  # the same run: nothing to do

    lake.put("night/late.parquet", lake.read("night/part-0.parquet"))
    code, said = lake.night()
    assert code == 1 and "s3://lake/out: holds run" in events(said, "failed")[0]["message"]
    assert str(lake.here) not in events(said, "failed")[0]["message"]  # where it works is nobody's business
    assert lake.read("out/run.json") == one


@pytest.mark.parametrize(("unseen", "word"), [(False, "took this one for dead"), (True, "another job has published|does not read back")])
def test_a_job_that_finds_another_run_in_its_place_leaves_it_alone(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, unseen: bool, word: str
) -> None:
    monkeypatch.setenv("SCORER_STORE_SECONDS", "3000")  # so that it waits for an answer as long as the other job takes
    monkeypatch.setenv("SCORER_LEASE_SECONDS", "2")
    found: dict[str, Any] = {}

    def publish() -> None:
        lake.put("night/late.parquet", lake.read("night/part-0.parquet"))
        with silenced(lake, "out") as held:
            found["code"] = once_free(lambda: replace(lake, nursery=lake.other).night(machine="two"))[0]
            for key, body in held.items() if unseen else ():
                lake.put(key, body)
        found["run"] = lake.read("out/run.json")

    lake.store.fault("slow", "PUT", "out/.shards", before=publish)
    code, said = lake.night()

    assert found["code"] == 4  # it has calls that are in two files
    assert code == 1 and re.search(word, said), said
    assert lake.read("out/run.json") == found["run"]
    run = json.loads(found["run"])
    assert {f"out/{table}/{x['id']}.parquet" for x in run["shards"] for table in x["tables"]} <= set(lake.listed("out/"))


def test_a_job_whose_run_was_replaced_meanwhile_removes_nothing_of_the_other(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCORER_STORE_SECONDS", "3000")
    monkeypatch.setenv("SCORER_LEASE_SECONDS", "2")
    lake.put_folder(lake.here / "night", "lake/date=2026-11-20")
    rubric = lake.here / "rubric.yaml"
    rubric.write_text((ROOT / "configs/rubric.yaml").read_text().replace("weight: 25", "weight: 26", 1))
    place, dated = "scores/date=2026-11-20", ("--date", "2026-11-20")
    assert lake.score(lake.uri("lake"), out=lake.uri("scores"), more=dated)[0] == 0
    known, back = lake.published(place), []

    def roll_back() -> None:
        other = replace(lake, nursery=lake.other)
        with silenced(lake, place):
            back.append(once_free(lambda: other.score(lake.uri("lake"), out=lake.uri("scores"), machine="two", more=dated))[0])

    fault = lake.store.fault("slow", "PUT", "report.html", before=roll_back)  # once run.json is there
    code, said = lake.score(lake.uri("lake"), out=lake.uri("scores"), more=(*dated, "--rubric", rubric))

    assert (fault.struck, back) == (1, [0])
    assert code == 1 and "another job has published" in said, said
    assert lake.published(place) == known


def test_a_place_that_holds_something_else_is_left_alone(lake: Lake) -> None:
    lake.put("out/notes.txt", b"mine")

    code, said = lake.night()

    assert code == 1 and "s3://lake/out: holds notes.txt" in said
    assert set(lake.listed("out/")) <= {"out/notes.txt", "out/"}  # pyarrow's mark of the folder, where it removed the lease


def test_a_run_in_a_store_is_fetched_whole_and_then_read(lake: Lake) -> None:
    assert lake.night()[0] == 0
    copy = lake.here / "copy"
    code, said = lake.nursery.run("fetch", lake.uri("out"), "--out", copy)

    assert code == 0 and published(copy) == lake.clean, said
    assert lake.nursery.run("report", copy)[0] == 0
    assert lake.nursery.run("explain", copy, "0-1")[0] == 0
    for command in (["report"], ["explain"], ["rescore", "--rubric", ROOT / "configs/rubric.yaml", "--out", lake.here / "x"]):
        code, said = lake.nursery.run(command[0], lake.uri("out"), *(["0-1"] if command[0] == "explain" else []), *command[1:])
        assert code == 1 and "scorer fetch URI --out FOLDER" in said, said
    code, said = lake.nursery.run("rescore", copy, "--rubric", ROOT / "configs/rubric.yaml", "--out", "s3://lake/again")
    assert code == 1 and "scorer fetch" in said and not Path("s3:").exists()
    assert lake.nursery.run("fetch", lake.uri("none"), "--out", lake.here / "none")[0] == 1


@pytest.mark.parametrize(
    "uri",
    [
        f"s3://reader:{SECRET}@lake/night",
        f"s3://lake/night?secret_key={SECRET}",
        f"abfs://c:{SECRET}@account.dfs.core.windows.net/x",
        f"gs://user:{SECRET}@b/x",
        f"gs://b/x?token={SECRET}",
    ],
)
def test_secrets_in_a_uri_are_refused_and_not_repeated(lake: Lake, uri: str) -> None:
    for inputs, out in ((uri, lake.here / "out"), (lake.here / "night", uri)):
        code, said = lake.score(inputs, out=out)

        assert code == 1 and "take" in said and SECRET not in said, said


def test_what_leads_nowhere_is_said_before_anything_is_scored(lake: Lake) -> None:
    code, said = lake.score(lake.uri("none"), lake.uri("night/*.csv"), out=lake.here / "out")
    assert code == 1 and "s3://lake/none: leads to no" in said and "s3://lake/night/*.csv: leads to no" in said, said

    code, said = lake.score(lake.store.uri("no-such-bucket/x"), out=lake.here / "out")
    assert code == 1 and "s3://no-such-bucket/x: leads to no" in said, said
    assert lake.score("ftp://x/y", out=lake.here / "out")[0] == 1
    assert not (lake.here / "out").exists()


@pytest.mark.parametrize(
    "text",
    [
        "No such directory: lake/out/.shards",  # gs://, of a folder whose last object is gone
        "google::cloud::Status(NOT_FOUND: Permanent error, with a last message of Received HTTP status code: 404)",
        "Failed to start blob copy. Azure Error: [BlobNotFound] 404 The specified blob does not exist.",
        "When reading information for key 'x' in bucket 'lake': AWS Error RESOURCE_NOT_FOUND during HeadObject operation",
    ],
)
def test_what_is_gone_is_not_tried_again(text: str) -> None:
    def remove() -> None:
        raise OSError(text)

    with pytest.raises(GoneError):
        TheStore(parse_uri("s3://lake/out?region=x&scheme=http&endpoint_override=127.0.0.1:1"))._tried("remove", ".shards", remove)


def test_no_transcript_stays_behind_in_the_work_folder(lake: Lake) -> None:
    assert lake.night(fault="plan:error")[0] == 1
    left = [path for path in (lake.here / "one").rglob("*") if path.is_file()]
    assert [path for path in left if ".inputs" in path.parts] == []
    assert all(path.stat().st_mode & 0o077 == 0 for path in (lake.here / "one").iterdir())
    assert lake.night()[0] == 0
    assert not list((lake.here / "one").rglob("*.parquet"))
