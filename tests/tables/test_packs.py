"""Files share shards so that a late one changes few of them."""

import hashlib

from scorer.tables.packs import pack_files

SHARD_ROWS = 100


def packed(*names: str, rows: int = 5) -> set[tuple[str, ...]]:
    """The packs of files with these names, in order."""
    files = [(number, hashlib.sha256(name.encode()).hexdigest(), rows) for number, name in enumerate(names)]
    packs = pack_files(files, SHARD_ROWS)
    return {tuple(names[number] for number in packs if packs[number] == pack) for pack in packs.values()}


def test_a_late_file_changes_only_the_pack_that_it_comes_into() -> None:
    names = [f"{number:04}" for number in range(1000)]
    before = packed(*names)

    assert 30 <= len(before) <= 80  # 5000 rows, 100 of them a pack
    for at in range(0, 1001, 10):
        after = packed(*names[:at], f"late-{at}", *names[at:])
        assert len(before - after) <= 1 and len(after - before) <= 2, at


def test_a_file_with_the_rows_of_a_shard_is_a_pack_of_its_own() -> None:
    hashes = [hashlib.sha256(name).hexdigest() for name in (b"a", b"b", b"c")]  # none below 1 / 100
    rows = [1, SHARD_ROWS, 1]

    assert pack_files(zip(range(3), hashes, rows, strict=True), SHARD_ROWS) == {0: 0, 1: 1, 2: 2}
    assert pack_files(zip(range(3), hashes, [1, 1, 1], strict=True), SHARD_ROWS) == {0: 0, 1: 0, 2: 0}


def test_a_small_file_ends_its_pack_where_its_hash_says_so() -> None:
    low, high = "00" + "f" * 62, "f" * 64  # 1 / 256 and 1

    assert pack_files([(3, low, 1), (4, high, 1), (7, low, 1), (8, high, 99)], SHARD_ROWS) == {3: 3, 4: 4, 7: 4, 8: 8}
