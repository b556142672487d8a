"""Imports go downwards only, and third parties stay in their rooms."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "scorer"
LAYERS = [
    {"cli"},
    {"cli_model", "cli_review", "ending"},
    {"remote"},
    {"screen", "metrics"},
    {"pipeline", "rescore", "explain", "vendor", "vcon_report"},
    {"engines"},
    {"shard"},
    {"job", "totals"},
    {"review", "training", "importing"},
    {"classify", "scoring"},
    {"tables", "role_check"},
    {"records", "config", "manifest"},
    {"labels", "lock", "yaml_file"},
    {"durable", "places"},
    {"faults"},
    {"errors", "log", "stopping"},
]
HOMES = {
    "torch": {"classify", "training", "engines"},
    "transformers": {"classify", "training"},
    "safetensors": {"classify", "training"},
    "sklearn": {"training"},
    "scipy": {"training"},
    "pyarrow": {"tables"},
    "tenacity": {"tables"},
    "duckdb": {"tables"},
    "ray": {"engines"},
    "psutil": {"engines"},
    "typer": {"cli", "cli_model", "cli_review"},
    "yaml": {"yaml_file"},
    "openpyxl": {"importing"},
    "webvtt": {"importing"},
    "rich": {"screen", "explain"},
    "prometheus_client": {"metrics"},
    "jinja2": {"review", "training"},
    "altair": {"training"},
    "vl_convert": {"training"},
    "fastapi": {"review"},
    "starlette": {"review"},
    "uvicorn": {"review"},
    "argon2": {"review"},
    "krippendorff": {"review"},
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def depth(name: str) -> int:
    return next(at for at, layer in enumerate(LAYERS) if name in layer)


def imports(path: Path) -> list[str]:
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_downwards_and_third_parties_stay_at_home(path: Path) -> None:
    here = room(path)
    if here == "__init__":
        assert path.read_text() == ""
        return
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "scorer":
            assert parts[1] == here or depth(parts[1]) > depth(here), f"{here} imports {name}"
        elif parts[0] in HOMES:
            assert here in HOMES[parts[0]], f"{parts[0]} is imported in {here}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_says_its_question_and_stays_readable(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)

    assert text.count("\n") <= 300
    assert path.name == "__init__.py" or ast.get_docstring(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno <= 50, node.name


def test_broad_except_stands_at_borders_and_pickles_are_never_read() -> None:
    broad = []
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        broad += [path.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ExceptHandler) and is_broad(node)]
        assert not any(word in text for word in ("torch.load", "import pickle", "joblib", "trust_remote_code=True"))

    assert broad == ["load.py", "cli.py", "cluster.py", "cluster.py", "worker.py", "intake.py", "look.py"]


def is_broad(node: ast.ExceptHandler) -> bool:
    return node.type is None or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException"))
