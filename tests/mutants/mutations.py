"""Small changes of a module's code, each of which a test ought to notice: comparisons, conditions, numbers, calls."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from typing import NamedTuple

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}

_LONGEST = 100
"""Characters of code that are shown."""


class Mutant(NamedTuple):
    """A changed module: its whole `source`, the `line` that was changed, and its code `before` and `after`.

    Of a number or a truth value these show what it is in: which one is meant is not to be seen of it alone.
    """

    source: str
    line: int
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.line}: {self.before} -> {self.after}"


def mutants(source: str) -> Iterator[Mutant]:
    """All mutants of a module. Annotations, docstrings, texts, and what is only for type checkers stay as they are."""
    tree = ast.parse(source)
    for path in _places(tree, ()):
        node = _at(tree, path)
        for new in _changes(node):
            changed = copy.deepcopy(tree)
            _replace(changed, path, new)
            source = ast.unparse(ast.fix_missing_locations(changed))
            around = _around(tree, path) if isinstance(node, ast.Constant) else path
            yield Mutant(source, node.lineno, *_shown(_at(tree, around), _at(changed, around)))


def _around(tree: ast.AST, path: tuple[tuple[str, int | None], ...]) -> tuple[tuple[str, int | None], ...]:
    """The way to the expression or statement that the one at `path` is in."""
    while path := path[:-1]:
        if isinstance(_node(tree, path), ast.expr | ast.stmt):
            break
    return path


def _shown(before: ast.AST, after: ast.AST) -> tuple[str, str]:
    """Both in one line; of long ones the part in which they differ."""
    first, second = (" ".join(ast.unparse(it).split()) for it in (before, after))
    pairs = enumerate(zip(first, second, strict=False))
    same = next((number for number, (one, other) in pairs if one != other), min(len(first), len(second)))
    begin = same - 50 if same >= _LONGEST else 0
    return first[begin : begin + _LONGEST], second[begin : begin + _LONGEST]


def _places(node: ast.AST, path: tuple[tuple[str, int | None], ...]) -> Iterator[tuple[tuple[str, int | None], ...]]:
    """Where nodes are that may be changed, as ways down from the tree's root."""
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "type_params", "decorator_list"}:
            continue
        children = enumerate(value) if isinstance(value, list) else [(None, value)]
        for index, child in children:
            if not isinstance(child, ast.AST) or _is_for_checkers(child):
                continue
            below = (*path, (name, index))
            if isinstance(child, ast.expr | ast.stmt):
                yield below
            yield from _places(child, below)


def _is_for_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _at(tree: ast.AST, path: tuple[tuple[str, int | None], ...]) -> ast.expr | ast.stmt:
    node = _node(tree, path)
    assert isinstance(node, ast.expr | ast.stmt)
    return node


def _node(tree: ast.AST, path: tuple[tuple[str, int | None], ...]) -> ast.AST:
    node = tree
    for name, index in path:
        value = getattr(node, name)
        node = value if index is None else value[index]
    return node


def _replace(tree: ast.AST, path: tuple[tuple[str, int | None], ...], new: ast.AST) -> None:
    *way, (name, index) = path
    node: ast.AST = tree
    for part, number in way:
        value = getattr(node, part)
        node = value if number is None else value[number]
    if index is None:
        setattr(node, name, new)
    else:
        getattr(node, name)[index] = new


def _changes(node: ast.expr | ast.stmt) -> Iterator[ast.AST]:
    new = copy.deepcopy(node)
    match new:
        case ast.Compare(ops=[only]) if type(only) in _COMPARISONS:
            new.ops = [_COMPARISONS[type(only)]()]
            yield new
        case ast.BoolOp():
            new.op = ast.Or() if isinstance(new.op, ast.And) else ast.And()
            yield new
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.BinOp(op=operator) if type(operator) in _OPERATORS and not _is_of_types(new):
            new.op = _OPERATORS[type(operator)]()
            yield new
        case ast.Constant(value=bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(value=int() | float() as value):
            yield ast.Constant(value + 1)
        case ast.If() | ast.While() | ast.IfExp():
            new.test = ast.UnaryOp(ast.Not(), new.test)
            yield new
        case ast.Expr(value=ast.Call()):
            yield ast.Pass()
        case ast.Return(value=ast.expr() as value) if not _is_like_none(value):
            new.value = ast.Constant(None)
            yield new
        case ast.Continue():
            yield ast.Break()


def _is_like_none(value: ast.expr) -> bool:
    """`return False` counts as None for whoever asks, and `return True` is changed to that as a constant."""
    return isinstance(value, ast.Constant) and (value.value is None or isinstance(value.value, bool))


def _is_of_types(node: ast.BinOp) -> bool:
    """`A | None` and `str | int` stand for types."""
    return isinstance(node.op, ast.BitOr) and all(
        isinstance(it, ast.Name | ast.Attribute | ast.Subscript | ast.BinOp)
        or (isinstance(it, ast.Constant) and it.value is None)
        for it in (node.left, node.right)
    )
