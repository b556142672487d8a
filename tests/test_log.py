"""The JSON log says how bad an event is, and nothing is logged unless asked for."""

import json
import logging

import pytest

from scorer.log import JsonLines, tell


@pytest.mark.parametrize(
    ("event", "facts", "level"),
    [
        ("started", {}, "info"),
        ("done", {"rows_rejected": 0, "files_rejected": 0}, "info"),
        ("done", {"rows_rejected": 0, "files_rejected": 1}, "warning"),
        ("shard", {"rows_rejected": 1}, "warning"),
        ("rejected", {"rows": 1}, "warning"),
        ("failed", {"code": 4}, "error"),
    ],
)
def test_an_event_says_how_bad_it_is(caplog: pytest.LogCaptureFixture, event: str, facts: dict[str, int], level: str) -> None:
    caplog.set_level(logging.INFO, "scorer")

    tell(event, **facts)

    row = json.loads(JsonLines().format(caplog.records[0]))
    assert (row["event"], row["level"]) == (event, level)


def test_nothing_is_logged_where_nobody_asked(caplog: pytest.LogCaptureFixture) -> None:
    tell("failed", code=1)

    assert caplog.records == []
