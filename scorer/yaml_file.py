"""What does a YAML file say, strictly, and in which line is each key? Whatever YAML would silently reinterpret is refused."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scorer.errors import ConfigError, count_of, listing

MAX_BYTES = 1 << 20  # a settings file is a page or two; more is a mistake or an attack
LONGEST_NUMBER = 40  # characters
DEEPEST = 40  # levels of nesting: the parser's time grows with their square
UNUSABLE = re.compile("[\0\ud800-\udfff]")  # in quotes YAML can spell them
TAG = "tag:yaml.org,2002:"
INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
FLOAT = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

Part = str | int


class _Loader(yaml.SafeLoader):
    """1e3 and 2e-5 are numbers, as everywhere but in YAML 1.1."""


_Loader.add_implicit_resolver(f"{TAG}float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789"))


@dataclass(frozen=True, slots=True)
class YamlFile:
    """A file's value, {} where it is empty, and its nodes for the lines."""

    path: Path
    value: Any
    root: Any

    def line(self, where: Sequence[Part]) -> int:
        """The line of a key path, or of the last part of it that is in the file; parts that are not (such as [key]) are passed over."""
        node, line = self.root, self.root.start_mark.line + 1 if self.root else 1
        for part in where:
            found = _child(node, part)
            if found:
                line, node = found[0].start_mark.line + 1, found[1]
        return int(line)

    def known(self, where: Sequence[Part]) -> tuple[Part, ...]:
        """A key path without what is no key of the file, such as [key] or the kind of a behaviour."""
        node, parts = self.root, list[Part]()
        for part in where:
            if found := _child(node, part):
                parts.append(part)
                node = found[1]
        return tuple(parts)

    def written(self, where: Sequence[Part]) -> str | None:
        """What stands there, letter by letter, where YAML makes something else than text of it: `yes` for true."""
        node = self.root
        for part in self.known(where):
            node = _child(node, part)[1]  # type: ignore[index]
        return (node.value or "nothing") if isinstance(node, yaml.ScalarNode) and node.tag != f"{TAG}str" else None


def read_yaml(path: Path) -> YamlFile:
    """Read a file. Raises ConfigError with every problem of it: line, key path, what was found, what to do."""
    text = _read_text(path)
    try:
        problems = list(_event_problems(text))
        root = None if problems else yaml.compose(text, _Loader)
        problems += _node_problems(root, "") if root else []
        value = _Loader("").construct_document(root) if root and not problems else {}
    except (yaml.YAMLError, ValueError, TypeError) as error:
        said = getattr(error, "problem", None) or getattr(error, "reason", None) or type(error).__name__
        raise ConfigError(f"{path}: not readable as YAML (line {_line(error, text)}): {_word(said)}: mend the syntax there") from error
    if problems:
        raise ConfigError(listing(f"{path}: {count_of(len(problems), 'problem')}", problems))
    return YamlFile(path, value, root)


def place(where: Sequence[Part]) -> str:
    """A key path as messages have it."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{_word(part)}" for part in where).lstrip(".") or "(whole file)"


def _word(key: str) -> str:
    """A key as it is told: in one line, whatever it holds."""
    return key if key and key.isprintable() else repr(key)


def _read_text(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():  # a pipe that nobody writes to has no end
            raise ConfigError(f"{path}: a folder, pipe or device: name a YAML file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ConfigError(f"{path}: larger than {MAX_BYTES} bytes: this is not a settings file")
        return content.decode("utf-8")
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file: name yours with --config, the rubric with --rubric, or run in scorer's folder") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}): check the path and its permissions") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text: save it as UTF-8") from error


def _event_problems(text: str) -> Iterator[str]:
    """What needs no keys to be wrong: endless nesting, aliases, which can blow up to anything, their anchors, tags, which retype values."""
    events: Iterator[Any] = yaml.parse(text, _Loader)
    depth = 0
    for event in events:
        line = event.start_mark.line + 1
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            yield f"line {line}: nested deeper than {DEEPEST} levels: this is not a settings file"
            return
        if isinstance(event, yaml.AliasEvent):
            yield f"line {line}: an alias (*{event.anchor}): write the value out"
        elif getattr(event, "anchor", None) is not None:
            yield f"line {line}: an anchor (&{event.anchor}): remove it, aliases are not allowed"
        elif getattr(event, "tag", None) is not None:
            yield f"line {line}: a tag ({event.tag}): remove it"


def _node_problems(node: Any, where: str) -> Iterator[str]:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            at = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.tag != f"{TAG}str":
                found = key.value if isinstance(key, yaml.ScalarNode) else "a list or mapping"
                found = _word(found) or "an empty key"
                yield f"line {at}: {where + '.' if where else ''}{found}: not a word as a key: write a word, or quote it"
                continue
            path = f"{where}.{_word(key.value)}" if where else _word(key.value)
            if UNUSABLE.search(key.value):
                yield f"line {at}: {path}: holds a NUL or half of a character: remove it"
            if key.value in seen:
                yield f"line {at}: {path}: given twice, in line {seen[key.value]} and line {at}: keep one"
            seen.setdefault(key.value, at)
            yield from _node_problems(value, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _node_problems(item, f"{where}[{index}]")
    else:
        said = _surprise(node)
        if said:
            yield f"line {line}: {where or '(whole file)'}: {_word(node.value[:LONGEST_NUMBER])} {said}"


def _surprise(node: Any) -> str | None:
    """What YAML would make of a plain value that hardly anybody means."""
    kind, text = node.tag.removeprefix(TAG), node.value
    if UNUSABLE.search(text):
        return "holds a NUL or half of a character: remove it"
    if kind == "timestamp":
        return "would be read as a date: quote it"
    if kind in ("int", "float") and ":" in text:
        return "would be read as a number of base 60: quote it"
    if kind == "int" and re.match(r"[-+]?0[0-9_]", text):
        return "would be read as an octal number: drop the leading zero or quote it"
    if (kind == "int" and not INTEGER.fullmatch(text)) or (kind == "float" and not FLOAT.fullmatch(text)):
        return "is a number in an unusual notation: write it with decimal digits, or quote it"
    if kind in ("int", "float") and len(text) > LONGEST_NUMBER:
        return "is a number of too many digits: shorten it, or quote it"
    if kind not in ("int", "float", "bool", "null", "str"):
        return "is not text, a number, true or false: quote it"
    return None


def _child(node: Any, part: Part) -> tuple[Any, Any] | None:
    """The node of a key, or of a list's item, and that of its value."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None


def _line(error: Exception, text: str) -> int:
    mark = getattr(error, "problem_mark", None)
    if mark:
        return int(mark.line) + 1
    return text.count("\n", 0, getattr(error, "position", 0)) + 1  # a character that YAML does not allow
