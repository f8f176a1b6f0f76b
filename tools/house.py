"""Draw the rooms of drorch from its import graph, into docs/architecture.md, and say what is wrong with them.

python tools/house.py            write the tree
python tools/house.py --check    compare only; exit code 1 when the tree is old or a rule of the house is broken
"""

from __future__ import annotations

import ast
import re
import sys
import textwrap
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "drorch"
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- tree: begin -->\n", "<!-- tree: end -->\n"
MOST_MODULES = 25
_SIZE = re.compile(r" +(\d+\.\d)k  ")


def floors() -> tuple[str, ...]:
    """The rooms from the ground up, as the import contract of pyproject.toml orders them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (order,) = (item["layers"] for item in contracts if item["type"] == "layers" and item["containers"] == ["drorch"])
    return tuple(reversed(order))


def tree() -> str:
    """The rooms, each with its size, what it is for, what is in it, and which rooms it imports."""
    arrows = _arrows(grimp.build_graph("drorch", cache_dir=None))
    drawn = [line for room in (*floors(), "testing") for line in _room(PACKAGE / room, 0, sorted_by(arrows[room]))]
    return "\n".join(["```", *drawn, "```", ""])


def sorted_by(rooms: Iterable[str]) -> list[str]:
    """In the order of the floors."""
    return sorted(rooms, key=(*floors(), "testing").index)


def without_sizes(text: str) -> str:
    """What has to be equal: sizes may drift a little between two drawings."""
    return _SIZE.sub("  ", text)


def sizes(text: str) -> list[float]:
    """Thousands of lines, in the order of the drawing."""
    return [float(found) for found in _SIZE.findall(text)]


def on_page() -> str:
    """The tree as the page has it."""
    return PAGE.read_text().partition(BEGIN)[2].partition(END)[0]


def circles(imports: Mapping[str, Iterable[str]]) -> list[tuple[str, ...]]:
    """Sets of names that import each other, directly or by others; the graph is fine when there is none."""
    reached = {name: _reached(name, imports) for name in imports}
    together = {name: {other for other in reached[name] if name in reached.get(other, ())} for name in imports}
    return sorted({tuple(sorted(group | {name})) for name, group in together.items() if group})


def wrong() -> list[str]:
    """Every breach of the rules about rooms, as sentences."""
    graph = grimp.build_graph("drorch", cache_dir=None)
    order = floors()
    found = [
        f"{room} imports {other}, which is above it"
        for room, others in _arrows(graph).items()
        for other in others
        if room in order and (other not in order or order.index(other) > order.index(room))
    ]
    modules = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    found += [f"imports in a circle: {', '.join(group)}" for group in circles(modules)]
    for folder in sorted({path.parent for path in PACKAGE.rglob("*.py")}):
        if len(_modules(folder)) > MOST_MODULES:
            found.append(f"{folder.relative_to(ROOT)} has {len(_modules(folder))} modules, at most {MOST_MODULES}")
    return found


def _reached(name: str, imports: Mapping[str, Iterable[str]]) -> set[str]:
    seen: set[str] = set()
    ahead = list(imports[name])
    while ahead:
        other = ahead.pop()
        if other not in seen:
            seen.add(other)
            ahead.extend(imports.get(other, ()))
    return seen


def _arrows(graph: grimp.ImportGraph) -> dict[str, set[str]]:
    arrows: dict[str, set[str]] = {room: set() for room in (*floors(), "testing")}
    for module in graph.modules:
        room = module.split(".")[1:2]
        for other in graph.find_modules_directly_imported_by(module):
            named = other.split(".")[1:2]
            if room and named and room != named and room[0] in arrows:
                arrows[room[0]].add(named[0])
    return arrows


def _modules(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")


def _room(folder: Path, depth: int, imports: list[str] | None = None) -> list[str]:
    name = f"{'  ' * depth}{folder.name}/"
    lines = sum(path.read_text().count("\n") for path in folder.rglob("*.py"))
    said = ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""
    purpose = said.partition("\n")[0].replace("``", "")
    drawn = _wrapped(f"{name:<20}{lines / 1000:>5.1f}k  ", purpose)
    if modules := _modules(folder):
        drawn += _wrapped(" " * 28, " · ".join(modules))
    if imports is not None:
        drawn += _wrapped(" " * 28, "→ " + (", ".join(imports) or "nothing"))
    for below in sorted(path.parent for path in folder.glob("*/__init__.py")):
        drawn += _room(below, depth + 1)
    return drawn


def _wrapped(first: str, text: str) -> list[str]:
    return textwrap.wrap(
        text, 118, initial_indent=first, subsequent_indent=" " * 28, break_long_words=False, break_on_hyphens=False
    )


def main(words: list[str]) -> int:
    """See the head of this file."""
    problems = wrong()
    drawn = tree()
    if words == ["--check"]:
        if without_sizes(on_page()) != without_sizes(drawn):
            problems.append("the tree in docs/architecture.md is old: make tree")
    else:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        PAGE.write_text(before + BEGIN + drawn + END + rest.partition(END)[2])
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
