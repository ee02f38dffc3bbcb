"""The values that a user hands over."""

import math

import numpy as np
import pytest
import torch

from effmeter.errors import UsageError
from effmeter.tracking.labels import as_number, check_name, checked_labels
from effmeter.wire.protocol import MAX_LABELS, MAX_TEXT


def test_scalars_of_libraries_become_plain_values() -> None:
    labels = checked_labels({"size": np.int64(3), "rate": np.float32(0.5), "on": True, "as": "x"})
    assert labels == {"size": 3, "rate": 0.5, "on": True, "as": "x"}
    assert {type(value) for value in labels.values()} == {int, float, bool, str}


@pytest.mark.parametrize("value", [[1], None, math.nan, math.inf, {"a": 1}])
def test_a_label_without_a_plain_finite_value_is_refused(value: object) -> None:
    with pytest.raises(UsageError, match="the label 'a'"):
        checked_labels({"a": value})  # type: ignore[dict-item]


def test_labels_are_limited_in_number() -> None:
    with pytest.raises(UsageError, match=f"at most {MAX_LABELS} labels"):
        checked_labels({str(number): number for number in range(MAX_LABELS + 1)})


def test_a_metric_is_anything_that_is_a_number() -> None:
    assert as_number("loss", np.float64(0.5)) == 0.5
    assert math.isnan(as_number("loss", "nan"))
    with pytest.raises(UsageError, match="the metric loss is not a number: 'low'"):
        as_number("loss", "low")


def test_a_live_tensor_is_a_metric_without_a_warning() -> None:
    loss = (torch.ones(3, requires_grad=True) * 0.5).mean()
    assert as_number("loss", loss) == 0.5
    assert as_number("loss", np.ones(1)) == 1.0
    with pytest.raises(UsageError, match="the metric loss is not a number but a tensor of 3 val"):
        as_number("loss", torch.ones(3))
    with pytest.raises(UsageError, match="the metric loss is not a number: array"):
        as_number("loss", np.ones(3))


@pytest.mark.parametrize("name", ["", "x" * (MAX_TEXT + 1), 3])
def test_a_name_is_a_text(name: str) -> None:
    with pytest.raises(UsageError, match="a name is a text that is not empty"):
        check_name(name)
