import subprocess
import sys

import pytest

from effmeter import methods
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
        ("nonsense", "unknown method 'nonsense'.*; choose from dense"),
        ("sprop", r"unknown method 'sprop' \(did you mean 'ssprop'\?\)"),
        ("ssprop:drp=0.5", r"no parameter 'drp' \(did you mean 'drop'\?\); it has: drop"),
        ("dense:speed=2", "dense has no parameter 'speed'.*; it has: seed"),
        ("dense:seed=fast", "dense:seed takes a whole number, not 'fast'"),
        ("dense:seed", "write dense:parameter=value"),
    ],
)
def test_what_is_wrong_with_a_text_is_said_in_a_line(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_method(text)


def test_every_method_can_be_imported_from_the_package() -> None:
    for name in method_names():
        kind = method_class(name)
        assert getattr(methods, kind.__name__) is kind


def test_every_public_name_loads_when_it_is_used() -> None:
    for name in methods.__all__:
        assert getattr(methods, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        getattr(methods, "no_such" + "_name")


def test_importing_the_package_loads_no_pytorch() -> None:
    program = "import sys, effmeter.methods; print({'torch', 'numba', 'numpy'} & set(sys.modules))"
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert printed.stdout == b"set()\n"
