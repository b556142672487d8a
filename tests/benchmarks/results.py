"""(helper) Where do the numbers of a benchmark go? All into out/bench.json, and as tables into out/bench.md and onto the screen."""

import json
from collections.abc import Sequence
from pathlib import Path

OUT = Path("out/bench.json")
Row = dict[str, str | int | float]


def keep(name: str, rows: Sequence[Row]) -> None:
    """Put these rows, which have the same keys, in the place of those that had this name."""
    found = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {}
    found[name] = list(rows)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    OUT.with_suffix(".md").write_text("\n".join(f"{head}\n\n{_table(part)}" for head, part in found.items()), encoding="utf-8")
    print(f"{name}\n\n{_table(rows)}", flush=True)


def _table(rows: Sequence[Row]) -> str:
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([_shown(cell) for cell in row.values()] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _shown(cell: str | int | float) -> str:
    if isinstance(cell, float):
        return f"{cell:.0f}" if abs(cell) >= 100 else f"{cell:.3g}"
    return str(cell)
