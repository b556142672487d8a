"""What decides the bytes of a result beside input, settings, model and rubric? The program, as it is installed on this machine."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from scorer.durable import digest

LIBRARIES = ("scorer", "torch", "transformers", "tokenizers", "pyarrow")
CODE = "the code of scorer"  # two checkouts may have one version


def program() -> dict[str, str]:
    """The version of each library, and a digest of our code. A build for a GPU counts as the one for CPUs."""
    found = {name: version(name).partition("+")[0] for name in LIBRARIES}
    room = Path(__file__).parents[1]
    code = (f"{path.relative_to(room)}\n{path.read_text(encoding='utf-8')}" for path in sorted(room.rglob("*.py")))
    return found | {CODE: digest(code)[:12]}


def differing(here: Mapping[str, str], there: Mapping[str, str]) -> str:
    """Each that is another one here than there, with both; empty where all are the same."""
    return ", ".join(f"{name} {here.get(name, 'none')} instead of {wanted}" for name, wanted in there.items() if here.get(name) != wanted)
