"""Which input files share shards? Many small ones do: a shard for each would cost more than what it holds."""

from collections.abc import Iterable

SPAN = 16  # hexadecimal digits of a hash that are looked at


def pack_files(files: Iterable[tuple[int, str, int]], shard_rows: int) -> dict[int, int]:
    """The pack of each file, named by the first file in it; files are given in order, as number, sha256 and rows.

    A file with the rows of a shard is a pack of its own. A smaller one ends its pack where its hash, read as a number from 0 to 1, is
    below its share of a shard: so packs have a shard's rows on average, and a late file changes the pack that it comes into, or parts
    it in two, and leaves all others as they are.
    """
    packs: dict[int, int] = {}
    first: int | None = None
    for number, sha256, rows in files:
        large = rows >= shard_rows
        first = number if first is None or large else first
        packs[number] = first
        if large or int(sha256[:SPAN], 16) * shard_rows < rows << 4 * SPAN:
            first = None
    return packs
