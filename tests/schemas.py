"""Checks the JSON of the commands against the schemas in ``docs/schemas``."""

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

FOLDER = Path(__file__).parents[1] / "docs" / "schemas"


def assert_fits(value: Any, command: str) -> None:
    """Fail with every place where a command's JSON is not what its schema describes."""
    schema = json.loads((FOLDER / f"{command}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    errors = Draft202012Validator(schema, registry=_registry()).iter_errors(value)
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def _registry() -> Registry[Any]:
    """All schemas by file name, since one may refer to another."""
    files = sorted(FOLDER.glob("*.json"))
    schemas = ((path.name, Resource.from_contents(json.loads(path.read_text()))) for path in files)
    return Registry().with_resources(schemas)
