"""Can the calls of a run still be read as the database knows them?"""

import json
import sqlite3
from pathlib import Path

from scorer.errors import RunError
from scorer.manifest import RUN_FILE, read_run


def trouble(connection: sqlite3.Connection, run_id: str) -> str:
    """Why they cannot, and what to do; empty where they can.

    A run that was scored again and not taken in may have other words at the same numbers.
    """
    run = connection.execute("select folder, about from run where run_id = ?", [run_id]).fetchone()
    folder = Path(run["folder"])
    if not (folder / RUN_FILE).is_file():
        return f"{folder} is gone: name its new place with scorer review RUN"
    try:
        about = read_run(folder)
    except RunError as error:  # damaged, or of another version
        return str(error)
    if about["fingerprint"] != json.loads(run["about"])["fingerprint"]:
        return f"{folder} was scored again since: take it in with scorer review {folder}"
    return ""
