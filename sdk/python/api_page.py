"""Prints docs/python-api.md: every name of the package, from its docstrings."""

from __future__ import annotations

import inspect
import re
from typing import Any, Dict, Iterator, List, Tuple

import freddy_auth_client
from freddy_auth_client import AsyncFreddyAuth, FreddyAuth, errors

HEAD = """# Python, name by name

Every name that `freddy_auth_client` exports, made from its docstrings by `npm run api-pages`. What it is like to use
stands in `sdk/python/README.md`.
"""

#: How the sections of a docstring are told.
WORDS = {"Args": "Takes", "Attributes": "Has", "Returns": "Gives", "Raises": "Raises"}


def main() -> None:
    exported = {name: getattr(freddy_auth_client, name) for name in freddy_auth_client.__all__}
    classes = {name: each for name, each in exported.items() if inspect.isclass(each)}
    shapes = [name for name, each in classes.items() if hasattr(each, "__total__")]
    failures = [name for name, each in classes.items() if issubclass(each, Exception)]
    clients = ["FreddyAuth", "AsyncFreddyAuth"]
    parts = [name for name in classes if name not in {*clients, *shapes, *failures}]
    print(HEAD)
    tell_class("FreddyAuth", FreddyAuth)
    tell_twin()
    for name, each in exported.items():
        if inspect.isfunction(each):
            tell_function(f"## {name}", name, each)
    for name in parts:
        tell_class(name, classes[name])
    tell_errors()
    for name in shapes:
        tell_shape(name, classes[name])


def tell_class(name: str, told: type) -> None:
    print(f"## {name}\n")
    if "__init__" in vars(told) and not getattr(told, "_is_protocol", False):
        print(fence(f"{name}{signature(told.__init__)}"))
    tell_doc(told)
    for method, function in methods(told):
        tell_function(f"### {method}", method, function)


def tell_twin() -> None:
    print("## AsyncFreddyAuth\n")
    tell_doc(AsyncFreddyAuth)
    twins = {name for name, _ in methods(FreddyAuth)} - {"close"} | {"aclose"}
    assert {name for name, _ in methods(AsyncFreddyAuth)} == twins
    print("Where `FreddyAuth` has `close`, it has `aclose`.\n")


def tell_function(heading: str, name: str, function: object) -> None:
    print(f"{heading}\n")
    if isinstance(function, property):
        print(fence(f"{name} -> {function.fget.__annotations__['return']}"))
    else:
        print(fence(f"{name}{signature(function)}"))
    tell_doc(function)


def tell_shape(name: str, told: type) -> None:
    """The fields of an answer; those of its bases first."""
    print(f"## {name}\n")
    tell_doc(told)
    fields = []
    for each in reversed(told.__mro__):
        fields += [f"{field}: {kind.__forward_arg__}" for field, kind in annotations_of(each).items()]
    print(fence("\n".join(dict.fromkeys(fields))))


def annotations_of(told: type) -> Dict[str, Any]:
    return vars(told).get("__annotations__", {})


def tell_errors() -> None:
    """The tree as errors.py draws it, and what those have that have more than a name."""
    print("## Errors\n")
    tree = inspect.getdoc(errors).split("\n\n")[1]
    print(f"```\n{tree}\n```\n")
    for error in (errors.FreddyError, errors.ApiError, errors.InvalidRequestError):
        print(f"### {error.__name__}\n")
        tell_doc(error)
        for name, member in vars(error).items():
            if isinstance(member, property):
                tell_function(f"#### {name}", name, member)


def tell_doc(told: object) -> None:
    text, sections = sections_of(inspect.getdoc(told) or "")
    if text:
        print(f"{text}\n")
    for title, body in sections:
        if title == "Example":
            print(fence(re.sub(r"^>>> ", "", "\n".join(body), flags=re.M)))
            continue
        entries = entries_of(body)
        if title == "Returns":
            print(f"{WORDS[title]}: {' '.join(body)}\n")
        else:
            print(f"{WORDS[title]}:\n")
            print("\n".join(f"- `{name}`: {said}" for name, said in entries) + "\n")


def sections_of(doc: str) -> Tuple[str, List[Tuple[str, List[str]]]]:
    """A docstring's own words, and its sections."""
    text, *rest = re.split(r"\n\n(Args|Attributes|Returns|Raises|Example):\n", "\n\n" + doc)
    lines = [inspect.cleandoc(body).splitlines() for body in rest[1::2]]
    return text.strip(), list(zip(rest[::2], lines))


def entries_of(body: List[str]) -> List[Tuple[str, str]]:
    """`name: what it is`, which may go on in deeper lines."""
    entries: List[Tuple[str, str]] = []
    for line in body:
        if line.startswith(" "):
            name, said = entries.pop()
            entries.append((name, f"{said} {line.strip()}"))
        else:
            name, _, said = line.partition(": ")
            entries.append((name.lstrip("*"), said))
    return entries


def methods(told: type) -> Iterator[Tuple[str, object]]:
    """Its public methods and properties that say something: those of its bases first."""
    seen = set()
    for each in (*told.__mro__[1:], told):
        for name, member in vars(each).items():
            is_public = inspect.isfunction(member) or isinstance(member, (property, classmethod))
            if is_public and not name.startswith("_") and name not in seen and getattr(told, name).__doc__:
                seen.add(name)
                yield name, member.__func__ if isinstance(member, classmethod) else member


def signature(function: object) -> str:
    """As it stands in the source; in lines when it is long."""
    told = inspect.signature(function)
    shown: List[str] = []
    for each in told.parameters.values():
        if each.kind is each.KEYWORD_ONLY and "*" not in shown:
            shown.append("*")
        if each.name not in ("self", "cls"):
            shown.append(parameter(each))
    gives = "" if function.__name__ == "__init__" else f" -> {told.return_annotation}"
    line = f"({', '.join(shown)}){gives}"
    return line if len(line) < 90 else f"(\n    {_COMMA.join(shown)},\n){gives}"


_COMMA = ",\n    "


def parameter(told: inspect.Parameter) -> str:
    stars = "**" if told.kind is told.VAR_KEYWORD else ""
    default = "" if told.default is told.empty else f" = {told.default!r}"
    return f"{stars}{told.name}: {told.annotation}{default}"


def fence(code: str) -> str:
    return f"```python\n{code}\n```\n"


if __name__ == "__main__":
    main()
