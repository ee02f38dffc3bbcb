"""Checks the JSON of the commands against the schemas in ``docs/schemas``."""

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

FOLDER = Path(__file__).parents[1] / "docs" / "schemas"


def assert_fits(value: Any, command: str) -> None:
    """Fail with every place where a command's JSON is not what its schema describes."""
    errors = _validator(command).iter_errors(value)
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


@functools.cache
def _validator(command: str) -> "Draft202012Validator":
    """The validator of a command's schema, which is checked once: that takes a second."""
    from jsonschema import Draft202012Validator
    from referencing import Registry, Resource

    schema = json.loads((FOLDER / f"{command}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    # All schemas by file name, since one may refer to another.
    files = sorted(FOLDER.glob("*.json"))
    schemas = ((path.name, Resource.from_contents(json.loads(path.read_text()))) for path in files)
    registry: Registry[Any] = Registry().with_resources(schemas)
    return Draft202012Validator(schema, registry=registry)
