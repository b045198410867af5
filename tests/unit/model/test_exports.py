"""`harness.model` is the one place to import a noun from, whichever of its six files it stands in."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import harness.model

FILES = {
    path.stem: ast.parse(path.read_text(encoding="utf-8"))
    for path in Path(harness.model.__file__).parent.glob("*.py")
    if path.stem != "__init__"
}
ORDER = ("asked", "world", "measured", "comparison", "meaning", "corpus")


def defined(tree: ast.Module) -> set[str]:
    """Every public class and constant at the top of a file."""
    names = {statement.name for statement in tree.body if isinstance(statement, ast.ClassDef | ast.FunctionDef)}
    targets = [statement.targets[0] for statement in tree.body if isinstance(statement, ast.Assign)]
    targets += [statement.target for statement in tree.body if isinstance(statement, ast.AnnAssign)]
    return {name for name in names | {target.id for target in targets if isinstance(target, ast.Name)} if name[0] != "_"}


def test_all_is_complete_and_sorted() -> None:
    """A noun that a file defines and the package does not export would be imported from two places. Sorted: constants first."""
    assert sorted(name for tree in FILES.values() for name in defined(tree)) == sorted(harness.model.__all__)
    assert list(harness.model.__all__) == sorted(harness.model.__all__, key=lambda name: (not name.isupper(), name))
    assert all(hasattr(harness.model, name) for name in harness.model.__all__)


def test_a_file_imports_only_those_before_it() -> None:
    """What is asked knows nothing of what was measured."""
    assert set(ORDER) == set(FILES)
    for index, name in enumerate(ORDER):
        sources = {node.module or "" for node in ast.walk(FILES[name]) if isinstance(node, ast.ImportFrom)}
        ours = {source.rpartition(".")[2] for source in sources if source.startswith("harness.")}
        assert ours <= set(ORDER[:index])


def test_only_the_standard_library_is_imported() -> None:
    """The load generator's process imports the package and nothing else of the harness."""
    program = "import sys; before = set(sys.modules); import harness.model; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    others = {name for name in done.stdout.split() if name.partition(".")[0] not in sys.stdlib_module_names}
    assert {name.removeprefix("harness.model.") for name in others} == {"harness", "harness.model", *ORDER}
