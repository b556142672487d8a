"""Paths and URIs are told apart, and a URI with a secret is refused without repeating it."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from scorer.errors import InputError, RunError
from scorer.places import Uri, below, check_apart, is_uri, parse_uri, plain, refuse_uri
from scorer.tables.files import expand_inputs


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://lake/a/b", Uri("s3", "lake", "a/b")),
        ("S3://lake/", Uri("s3", "lake")),
        ("s3://lake/a b/%20#1", Uri("s3", "lake", "a b/%20#1")),
        ("s3://lake/x?region=eu-west-1&scheme=http", Uri("s3", "lake", "x", (("region", "eu-west-1"), ("scheme", "http")))),
        ("gs://anonymous@lake/x", Uri("gs", "anonymous@lake", "x")),
        ("abfs://box@account.dfs.core.windows.net/x", Uri("abfs", "box@account.dfs.core.windows.net", "x")),
    ],
)
def test_a_uri_is_taken_apart(text: str, expected: Uri) -> None:
    assert is_uri(text) and parse_uri(text) == expected


def test_options_are_kept_and_not_told() -> None:
    uri = parse_uri("s3://lake/x?endpoint_override=127.0.0.1:9000")

    assert str(uri) == "s3://lake/x" and uri.query == "?endpoint_override=127.0.0.1:9000"


@pytest.mark.parametrize(
    "text",
    [
        "s3://key:tangerine@lake/x",
        "s3://tangerine@lake/x",
        "s3://lake/x?access_key=k&secret_key=tangerine",
        "gs://u:tangerine@lake/x",
        "gs://lake?access_token=tangerine",
        "abfs://box:tangerine@account.dfs.core.windows.net/x",
        "abfs://box@account.dfs.core.windows.net/x?sig=tangerine",
        "ftp://me:tangerine@host/x",
        "s3://lake/../x",
        "s3://lake//x",
        "s3:///x",
    ],
)
def test_what_is_not_taken_is_refused_without_its_secret(text: str) -> None:
    with pytest.raises(InputError, match=": ") as raised:
        parse_uri(text)

    assert "tangerine" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lake", "lake/date=1"),
        ("/srv/lake", "/srv/lake/date=1"),
        ("file:///srv/a%20b", "/srv/a b/date=1"),
        ("s3://lake", "s3://lake/date=1"),
        ("s3://lake/x/?region=r", "s3://lake/x/date=1?region=r"),
    ],
)
def test_a_partition_is_named_below_a_place(text: str, expected: str) -> None:
    assert below(text, "date=1") == expected


def test_a_file_uri_is_its_path() -> None:
    assert [plain(text) for text in ("a b", "file:///a%20b", "file://localhost/x", "C:/x")] == ["a b", "/a b", "/x", "C:/x"]
    assert not is_uri("file:///x") and not is_uri("a/b") and not is_uri("s3:/x")
    with pytest.raises(InputError, match="this machine"):
        plain("file://server/x")


def test_a_uri_where_a_folder_is_meant_is_refused() -> None:
    with pytest.raises(InputError, match="only scorer score"):
        expand_inputs(["s3://lake/x"])
    refuse_uri(Path("out/s3"))
    with pytest.raises(RunError, match="scorer fetch"):
        refuse_uri(Path("s3://lake/x"))


@pytest.mark.parametrize(
    ("out", "given", "apart"),
    [
        ("lake/scores/n1", "lake", False),
        ("lake", "lake/", False),
        ("lake/a/../scores", "lake/*", False),
        ("lake/scores", "**", False),
        ("lake/scores", "lake/date=*", True),
        ("lake/_scores/n1", "lake", True),
        ("lake2/scores", "lake", True),
        ("scores", "lake/night.parquet", True),
        ("lake[1]/scores", "lake[1]", False),
        ("s3://lake/night/scores?region=x", "s3://lake/night", False),
        ("s3://lake/scores", "s3://lake", False),
        ("s3://lake/scores", "s3://lake/n*", True),
        ("s3://other/night", "s3://lake/night", True),
        ("lake/night", "s3://lake/night", True),
    ],
)
def test_results_may_not_lie_where_input_is_looked_for(out: str, given: str, apart: bool) -> None:
    with nullcontext() if apart else pytest.raises(InputError, match="outside"):
        check_apart(out, ["elsewhere.parquet", given])
