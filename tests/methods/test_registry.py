import pytest

from effmeter.errors import UsageError
from effmeter.methods.method import Dense
from effmeter.methods.registry import method_class, method_names, parse_method


def test_every_name_has_a_class_that_knows_its_name() -> None:
    for name in method_names():
        assert method_class(name).name == name


def test_a_name_with_parameters_is_a_method() -> None:
    method = parse_method("dense:seed=4")
    assert isinstance(method, Dense)
    assert method.seed == 4
    assert parse_method("dense", seed=9).seed == 9


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "there is no method 'nonsense'; there is: dense"),
        ("dense:speed=2", "dense has no parameter 'speed'; it has: seed"),
        ("dense:seed=fast", "dense:seed takes a whole number, not 'fast'"),
        ("dense:seed", "write dense:parameter=value"),
    ],
)
def test_what_is_wrong_with_a_text_is_said_in_a_line(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_method(text)
