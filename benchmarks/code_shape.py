"""Print the shape of the code: sizes of modules and functions, public names, and modules per folder.

python benchmarks/code_shape.py            the figures
python benchmarks/code_shape.py --worst    and the largest items
"""

from __future__ import annotations

import argparse
import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = (
    "foundation",
    "market",
    "features",
    "validation",
    "models",
    "allocation",
    "backtest",
    "pipeline",
    "operations",
)


@dataclass(frozen=True)
class Function:
    """A function or a method.

    Attributes
    ----------
    name : str
        Name with module and class.
    lines : int
        Number of lines, including decorators and docstring.
    parameters : int
        Number of parameters without `self` and `cls`.
    compiled : bool
        Whether numba compiles it.
    """

    name: str
    lines: int
    parameters: int
    compiled: bool


@dataclass(frozen=True)
class Shape:
    """The figures of all packages.

    Attributes
    ----------
    modules : dict of str to int
        Lines by path.
    folders : dict of str to int
        Modules by folder; `__init__.py` does not count.
    functions : tuple of Function
    public : dict of str to tuple of str
        Functions and classes without a leading underscore, by package, with one entry per definition.
    shared : tuple of str
        Those that a module of another folder imports: what a reader of a folder must know of the others.
    """

    modules: dict[str, int]
    folders: dict[str, int]
    functions: tuple[Function, ...]
    public: dict[str, tuple[str, ...]]
    shared: tuple[str, ...]

    def figures(self) -> dict[str, float]:
        """Return the figures by description."""
        lines = np.array([count for path, count in self.modules.items() if not path.endswith("__init__.py")])
        lengths = np.array([function.lines for function in self.functions])
        return {
            "source lines": sum(self.modules.values()),
            "modules in the fullest folder": max(self.folders.values()),
            "median lines of a module": float(np.median(lines)),
            "90th percentile of lines of a module": float(np.percentile(lines, 90)),
            "lines of the longest module": int(lines.max()),
            "90th percentile of lines of a function": float(np.percentile(lengths, 90)),
            "functions with more than 8 parameters": len(self.crowded()),
            "public names": sum(len(names) for names in self.public.values()),
            "public names that another folder imports": len(self.shared),
            "public names defined twice in a package": len(self.repeated()),
        }

    def crowded(self) -> list[Function]:
        """Return the functions outside compiled kernels with more than 8 parameters."""
        return [each for each in self.functions if each.parameters > 8 and not each.compiled]

    def repeated(self) -> list[str]:
        """Return the public names that a package defines more than once, with their package."""
        return [
            f"{package}: {name}"
            for package, names in self.public.items()
            for name, count in Counter(names).items()
            if count > 1
        ]


def measure_shape(root: Path = ROOT) -> Shape:
    """Return the shape of the packages below a folder."""
    modules, folders, functions = {}, Counter[str](), list[Function]()
    public: dict[str, tuple[str, ...]] = {}
    trees: dict[str, ast.Module] = {}
    for package in PACKAGES:
        names: list[str] = []
        for path in sorted((root / package).rglob("*.py")):
            source, module = path.read_text(encoding="utf-8"), str(path.relative_to(root))
            modules[module] = source.count("\n")
            if path.name != "__init__.py":
                folders[str(path.parent.relative_to(root))] += 1
            trees[_dotted(module)] = tree = ast.parse(source)
            functions += _functions(tree, module)
            names += _public_names(tree)
        public[package] = tuple(names)
    return Shape(modules, dict(folders), tuple(functions), public, tuple(_shared_names(trees)))


def _public_names(tree: ast.Module) -> list[str]:
    return [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    ]


def _shared_names(trees: Mapping[str, ast.Module]) -> list[str]:
    """Return the public names, with their module, that a module of another folder imports."""
    used = {name for module, tree in trees.items() for name in _imported_names(module, tree, trees)}
    own = [f"{module}.{name}" for module, tree in trees.items() for name in _public_names(tree)]
    return [name for name in own if name in used]


def _imported_names(module: str, tree: ast.Module, trees: Mapping[str, ast.Module]) -> Iterator[str]:
    """Yield what a module takes from modules of other folders, by name or as an attribute of the module."""
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            for each in node.names:
                full = f"{node.module}.{each.name}"
                if full in trees:
                    modules[each.asname or each.name] = full
                elif _folder(node.module) != _folder(module):
                    yield full
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            source = modules.get(node.value.id)
            if source is not None and _folder(source) != _folder(module):
                yield f"{source}.{node.attr}"


def _dotted(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def _folder(module: str) -> str:
    return module.rpartition(".")[0]


def _functions(tree: ast.AST, where: str) -> Iterator[Function]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{where} {node.name}")
        elif isinstance(node, ast.FunctionDef):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            every = [
                *node.args.posonlyargs,
                *node.args.args,
                *node.args.kwonlyargs,
                node.args.vararg,
                node.args.kwarg,
            ]
            taken = [each for each in every if each is not None and each.arg not in ("self", "cls")]
            compiled = any("compiled" in ast.unparse(each) for each in node.decorator_list)
            yield Function(
                f"{where} {node.name}", (node.end_lineno or first) - first + 1, len(taken), compiled
            )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Print the shape of the code.")
    parser.add_argument("--worst", action="store_true", help="print what is largest")
    options, shape = parser.parse_args(), measure_shape()
    for name, value in shape.figures().items():
        print(f"{value:10,.0f}  {name}")
    if options.worst:
        print("\nlongest modules:")
        for path, lines in sorted(shape.modules.items(), key=lambda item: -item[1])[:30]:
            print(f"  {lines:5} {path}")
        print("\nlongest functions:")
        for each in sorted(shape.functions, key=lambda function: -function.lines)[:30]:
            print(f"  {each.lines:5} {each.name}")
        print(
            "\nmore than 8 parameters:",
            *[f"{each.name} ({each.parameters})" for each in shape.crowded()],
            sep="\n  ",
        )
        print(
            "\nfolders:",
            *[f"{name} {count}" for name, count in shape.folders.items() if count > 12],
            sep="\n  ",
        )
        print("\ndefined twice:", *shape.repeated(), sep="\n  ")


if __name__ == "__main__":
    main()
