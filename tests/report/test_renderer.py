"""Every output format has a renderer, and every renderer can show nothing."""

import json

import pytest

from effmeter.report.renderer import RENDERERS, RenderOptions, Report, renderer_of


@pytest.mark.parametrize("name", RENDERERS)
def test_every_format_has_a_renderer(name: str) -> None:
    rendered = renderer_of(name, RenderOptions()).render(Report(errors=["x is not a run"]))
    assert not rendered.endswith("\n")


def test_json_has_the_errors() -> None:
    rendered = renderer_of("json", RenderOptions()).render(Report(errors=["x is not a run"]))
    assert json.loads(rendered) == {
        "runs": [],
        "total": None,
        "errors": ["x is not a run"],
    }
