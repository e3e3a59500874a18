"""Writes models and operations of `pwh_assets.client` from the OpenAPI document; `--check` says which are out of date."""

import keyword
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[1] / "pwh_assets" / "client"
LEFT_OUT = frozenset({"capture", "system"})
"""Tags of operations that no person's program asks: SDKs, vendors and supervisors do."""
MADE = '"""{about} Made by `scripts/client.py` from the OpenAPI document; do not edit."""\n'
METHODS = ("get", "post", "put", "patch", "delete")
SIMPLE = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
Json = dict[str, Any]


def main() -> int:
    from pwh_assets.api.app import api_document

    wanted = files(api_document())
    stale = [name for name, text in wanted.items() if _kept(PACKAGE / name) != text]
    stale += [file.name for file in PACKAGE.glob("ops_*.py") if file.name not in wanted]
    if "--check" in sys.argv:
        if stale:
            print(f"Out of date: {', '.join(sorted(stale))}. Run `python scripts/client.py`.")
        return 1 if stale else 0
    for name in stale:
        if name in wanted:
            (PACKAGE / name).write_text(wanted[name], "utf-8")
        else:
            (PACKAGE / name).unlink()
    return 0


def files(document: Json) -> dict[str, str]:
    """Name and text of each module that is made."""
    document = _without_words(document, document["components"]["schemas"])
    groups: dict[str, list[tuple[str, str, Json]]] = {}
    for path, operations in document["paths"].items():
        for method in METHODS:
            operation = operations.get(method)
            if operation and operation["tags"][0] not in LEFT_OUT:
                groups.setdefault(operation["tags"][0], []).append((path, method, operation))
    found = {}
    for tag, operations in sorted(groups.items()):
        found[f"ops_{_word(tag)}.py"] = _group(document, tag, operations)
    found["groups.py"] = _groups(document, sorted(groups))
    reached = _reached(document, [op for each in groups.values() for _, _, op in each])
    found["models.py"] = _models(document, reached)
    return {name: _laid_out(text) for name, text in found.items()}


def _without_words(node: Any, schemas: Json) -> Any:
    """With the schemas of mere words, such as enumerations, in the place of their names."""
    if isinstance(node, dict):
        named = schemas.get(str(node.get("$ref", "")).rpartition("/")[2])
        if named is not None and "properties" not in named:
            return _without_words(named, schemas)
        return {name: _without_words(each, schemas) for name, each in node.items()}
    return [_without_words(each, schemas) for each in node] if isinstance(node, list) else node


# Models


def _models(document: Json, names: list[str]) -> str:
    text = [
        MADE.format(about="What is sent and answered."),
        "from collections.abc import Mapping, Sequence\nfrom dataclasses import dataclass, field\n"
        "from typing import Any\n\n",
    ]
    schemas = document["components"]["schemas"]
    for name in names:
        schema = schemas[name]
        if "properties" not in schema:
            continue
        required = set(schema.get("required", ()))
        text.append(f"@dataclass(frozen=True, slots=True, kw_only=True)\nclass {_class(name)}:\n")
        text.append(_doc(schema.get("description", "As its fields say."), 4))
        for wire, given in sorted(
            schema["properties"].items(), key=lambda item: item[0] not in required
        ):
            text.append(_field(wire, given, wire in required))
        if schema.get("additionalProperties") is True:
            text.append(
                "    more: Mapping[str, Any] = field(default_factory=dict)\n"
                '    """Other fields, by name."""\n'
            )
        text.append("\n\n")
    return "".join(text)


def _field(wire: str, schema: Json, is_required: bool) -> str:
    name, kind = _name(wire), _type(schema)
    names_models = _prefixed(kind) != kind
    default = ""
    if not is_required:
        kind = kind if "None" in kind.split(" | ") or kind == "Any" else f"{kind} | None"
        default = "None"
    if name != wire:
        parts = [f'metadata={{"wire": "{wire}"}}'] + (["default=None"] if default else [])
        default = f"field({', '.join(parts)})"
    if names_models:  # which may stand further down
        kind = f'"{kind}"'
    line = f"    {name}: {kind}" + (f" = {default}" if default else "") + "\n"
    return line + _doc(schema.get("description", ""), 4)


def _reached(document: Json, operations: list[Json]) -> list[str]:
    """Names of the schemas that the operations' bodies and good answers use, themselves or through others."""
    waiting: list[Any] = []
    for operation in operations:
        waiting.append(operation.get("requestBody"))
        waiting += [
            answer for status, answer in operation["responses"].items() if status.startswith("2")
        ]
    found: set[str] = set()
    while waiting:
        for name in _refs(waiting.pop()):
            if name not in found:
                found.add(name)
                waiting.append(document["components"]["schemas"][name])
    return sorted(found)


def _refs(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].rpartition("/")[2]
        for each in node.values():
            yield from _refs(each)
    elif isinstance(node, list):
        for each in node:
            yield from _refs(each)


# Operations


def _group(document: Json, tag: str, operations: list[tuple[str, str, Json]]) -> str:
    about = next((t["description"] for t in document.get("tags", ()) if t["name"] == tag), tag)
    body = "".join(_method(tag, *each) for each in operations)
    used = sorted(set(re.findall(r"\bmodels\.(\w+)", body)))
    first = about.split(". ")[0].rstrip(".") + "."
    head = MADE.format(about=first)
    abc = "Iterator, Mapping, Sequence" if "Iterator[" in body else "Mapping, Sequence"
    head += f"from collections.abc import {abc}\nfrom typing import Any, Literal\n\n"
    head += "from pwh_assets.client import models\n" if used else ""
    head += "from pwh_assets.client.transport import Group\n\n\n"
    return f"{head}class {_class(tag)}(Group):\n{_doc(about, 4)}\n{body}"


def _method(tag: str, path: str, method: str, operation: Json) -> str:
    name = _name(operation["operationId"].removeprefix(f"{_word(tag)}_"))
    places: list[str] = []
    query: list[str] = []
    headers: list[str] = []
    arguments: list[str] = []
    keywords: list[str] = []
    for parameter in operation.get("parameters", ()):
        wire, kind = parameter["name"], _type(parameter["schema"])
        local = _name(wire)
        if wire == "project_id":
            continue
        pair = f'"{wire}": {local}'
        if parameter["in"] == "path":
            arguments.append(f"{local}: {kind}")
            places.append(pair)
            continue
        (headers if parameter["in"] == "header" else query).append(pair)
        if parameter.get("required"):
            keywords.insert(0, f"{local}: {kind}")
        else:
            kind = kind if "None" in kind.split(" | ") else f"{kind} | None"
            keywords.append(f"{local}: {kind} = None")
    body = operation.get("requestBody")
    if body is not None:
        schema = body["content"].get("application/json", {}).get("schema", {})
        kind = _prefixed(_type(schema))
        kind = " | ".join(dict.fromkeys([*kind.split(" | "), "Mapping[str, Any]"]))
        is_needed = bool(body.get("required")) and "None" not in kind.split(" | ")
        arguments.append(f"body: {kind}" + ("" if is_needed else " | None = None"))
        arguments[-1] = arguments[-1].replace(
            "| None | Mapping[str, Any] | None", "| Mapping[str, Any] | None"
        )
    answer = _answer(operation)
    parts = [f'"{path}"', f"{{{', '.join(places)}}}", f"{{{', '.join(query)}}}"]
    rest = [*parts, "body" if body is not None else "None", f"{{{', '.join(headers)}}}"]
    signature = ", ".join(["self", *arguments, *(["*", *keywords] if keywords else [])])
    said = _doc(f"{operation['summary']}. {operation.get('description', '')}".strip(), 8)
    returned = _prefixed(answer)
    call = f"self._transport.send({returned}, {method.upper()!r}, {', '.join(rest)})"
    text = f"    def {name}({signature}) -> {returned}:\n{said}"
    text += (
        f"        found: {returned} = {call}\n        return found\n\n"
        if answer != "None"
        else f"        {call}\n\n"
    )
    if answer.endswith("Page") and method == "get":
        every = "each" if name == "list" else f"each_{name.removeprefix('list_')}"
        item = f"models.{answer.removesuffix('Page')}"
        text += f"    def {every}({signature}) -> Iterator[{item}]:\n"
        text += _doc(f"As `{name}`, every one of them, page by page.", 8)
        text += f"        yield from self._transport.pages({returned}, {', '.join(parts)})\n\n"
    return text


def _answer(operation: Json) -> str:
    kinds = []
    for status, answer in operation["responses"].items():
        if status.startswith("2") and "application/json" in answer.get("content", {}):
            kinds += _type(answer["content"]["application/json"].get("schema", {})).split(" | ")
    return " | ".join(dict.fromkeys(kinds)) or "None"


def _groups(document: Json, tags: list[str]) -> str:
    about = {each["name"]: each["description"] for each in document.get("tags", ())}
    text = [MADE.format(about="Every group of operations.")]
    text += [f"from pwh_assets.client.ops_{_word(tag)} import {_class(tag)}\n" for tag in tags]
    text.append("from pwh_assets.client.transport import Transport\n\n\nclass Groups:\n")
    text.append('    """What a client can ask, by noun."""\n\n')
    text.append("    def __init__(self, transport: Transport) -> None:\n")
    for tag in tags:
        text.append(f"        self.{_word(tag)} = {_class(tag)}(transport)\n")
        text.append(_doc(about.get(tag, f"{tag}."), 8))
    return "".join(text)


# Words


def _type(schema: Json) -> str:
    if "$ref" in schema:
        return _class(schema["$ref"].rpartition("/")[2])
    for word in ("anyOf", "oneOf"):
        if word in schema:
            kinds = [part for each in schema[word] for part in _split(_type(each))]
            kinds = sorted(dict.fromkeys(kinds), key=lambda kind: kind == "None")
            return "Any" if "Any" in kinds else " | ".join(kinds)
    if "allOf" in schema and len(schema["allOf"]) == 1:
        return _type(schema["allOf"][0])
    kind = schema.get("type")
    if kind == "array":
        return f"Sequence[{_type(schema.get('items', {}))}]"
    if kind == "object":
        more = schema.get("additionalProperties")
        return f"Mapping[str, {_type(more) if isinstance(more, dict) else 'Any'}]"
    return SIMPLE.get(str(kind), "Any")


def _split(kind: str) -> list[str]:
    return [kind] if "[" in kind else kind.split(" | ")


def _prefixed(kind: str) -> str:
    """With `models.` before names of models."""
    known = {*SIMPLE.values(), "Any", "Sequence", "Mapping", "Literal"}
    return re.sub(r"\b[A-Za-z]\w*\b", lambda m: m[0] if m[0] in known else f"models.{m[0]}", kind)


def _word(tag: str) -> str:
    return re.sub(r"\W+", "_", tag)


def _class(name: str) -> str:
    return "".join(part[0].upper() + part[1:] for part in re.split(r"\W+", name) if part)


def _name(wire: str) -> str:
    name = re.sub(r"\W", "_", wire).lower() if "-" in wire else wire
    name = re.sub(r"(?<=[a-z])([A-Z])", lambda m: f"_{m[1].lower()}", name)
    return f"{name}_" if keyword.iskeyword(name) or name in ("more", "format") else name


def _doc(text: str, indent: int) -> str:
    text = " ".join(str(text).split()).replace("\\", "\\\\").replace('"""', "'''")
    if not text:
        return ""
    lines = textwrap.wrap(text, 112 - indent)
    pad = " " * indent
    inner = f"\n{pad}".join(lines)
    if inner.endswith('"'):
        inner += " "
    return f'{pad}"""{inner}"""\n' if len(lines) == 1 else f'{pad}"""{inner}\n{pad}"""\n'


def _laid_out(text: str) -> str:
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or "ruff"
    for words in (["check", "-q", "--fix-only", "--select=F401,I001"], ["format", "-q"]):
        done = subprocess.run(
            [ruff, *words, "--stdin-filename", str(PACKAGE / "made.py"), "-"],
            input=text.encode(),
            capture_output=True,
            check=True,
        )
        text = done.stdout.decode()
    return text


def _kept(file: Path) -> str | None:
    return file.read_text("utf-8") if file.is_file() else None


if __name__ == "__main__":
    sys.exit(main())
