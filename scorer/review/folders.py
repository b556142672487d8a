"""Can the calls of a run still be read as the database knows them?"""

import json
import sqlite3
from pathlib import Path

from scorer.manifest import RUN_FILE, read_run


def trouble(connection: sqlite3.Connection, run_id: str) -> str:
    """Why they cannot, and what to do; empty where they can.

    A run that was scored again and not taken in may have other words at the same numbers. Raises RunError where run.json is damaged.
    """
    run = connection.execute("select folder, about from run where run_id = ?", [run_id]).fetchone()
    folder = Path(run["folder"])
    if not (folder / RUN_FILE).is_file():
        return f"{folder} is gone: name its new place with scorer review RUN"
    if read_run(folder)["fingerprint"] != json.loads(run["about"])["fingerprint"]:
        return f"{folder} was scored again since: take it in with scorer review {folder}"
    return ""
