"""``effmeter flops`` as it is called."""

import json
import subprocess
import sys
from typing import Any

import pytest
from click.testing import CliRunner, Result

from effmeter.cli import effmeter
from tests.schemas import assert_fits


def flops(*arguments: str) -> Result:
    return CliRunner().invoke(effmeter, ["flops", *arguments])


def told(*arguments: str) -> dict[str, Any]:
    result = flops(*arguments, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    answer: dict[str, Any] = json.loads(result.stdout)
    assert_fits(answer, "flops")
    return answer


def test_the_published_figure_is_printed() -> None:
    result = flops("resnet18", "--input", "1x28x28", "--samples", "60000", "--epochs", "50")
    lines = result.stdout.splitlines()
    assert lines[0] == "resnet18 on 1x28x28 images, batch 128, dense"
    assert lines[1] == "billions of operations per iteration"
    (total,) = (line for line in lines if line.startswith("total"))
    assert total.split()[-1] == "234.10"
    assert "quadrillions of operations in 23,437.50 iterations" in result.stdout
    assert lines[-1].split()[-1] == "5.49"


def test_a_method_is_counted_over_its_schedule() -> None:
    answer = told("resnet18", "--method", "ssprop:drop=0.8,period=2")
    total = answer["total"]
    assert round(total["nominal_backward_flops"] / 1e9, 2) == 171.61
    assert total["executed_backward_flops"] < 0.61 * total["backward_flops"]
    assert total["forward_flops"] == told("resnet18")["total"]["forward_flops"]


def test_a_schedule_over_the_whole_training_needs_its_epochs() -> None:
    linear = ("cnn2", "--method", "ssprop:schedule=linear")
    refused = flops(*linear)
    assert refused.exit_code == 2
    assert "number of epochs" in refused.stderr
    assert told(*linear, "--epochs", "5")["total"]["executed_backward_flops"] > 0


def test_kinds_add_up_to_the_total() -> None:
    answer = told("resnet20:dropout=0.1", "--batch-size", "4")
    assert list(answer["kinds"]) == ["convolution", "batch norm", "dropout", "linear"]
    for name in ("forward_flops", "backward_flops", "executed_backward_flops"):
        assert sum(kind[name] for kind in answer["kinds"].values()) == answer["total"][name]
    nominal = [kind["nominal_backward_flops"] for kind in answer["kinds"].values()]
    assert nominal[-1] is None
    assert sum(nominal[:-1]) == answer["total"]["nominal_backward_flops"]


def test_layers_add_up_to_their_kinds() -> None:
    answer = told("cnn2", "--layers")
    assert [layer["name"] for layer in answer["layers"]] == ["conv1", "conv2", "classifier"]
    of_convolutions = sum(layer["forward_flops"] for layer in answer["layers"][:2])
    assert of_convolutions == answer["kinds"]["convolution"]["forward_flops"]
    assert "layers" not in told("cnn2")
    assert "conv1 (convolution)" in flops("cnn2", "--layers").stdout


def test_a_training_is_so_many_iterations() -> None:
    answer = told("cnn2", "--batch-size", "100", "--samples", "250", "--epochs", "4")
    assert answer["training"]["iterations"] == 10.0
    assert answer["training"]["forward_flops"] == 10.0 * answer["total"]["forward_flops"]


def test_what_was_asked_for_is_said() -> None:
    answer = told("cnn2:width=8", "--input", "1x28x28", "--batch-size", "7", "--classes", "3")
    asked = {key: answer[key] for key in ("model", "input", "classes", "batch_size", "method")}
    assert asked == {
        "model": "cnn2:width=8",
        "input": "1x28x28",
        "classes": 3,
        "batch_size": 7,
        "method": "dense",
    }


def test_a_denoiser_is_counted_too() -> None:
    answer = told("ddpm", "--input", "1x32x32", "--batch-size", "1")
    assert answer["kinds"]["convolution"]["layers"] == 51
    assert answer["kinds"]["group norm"]["nominal_backward_flops"] is None


def test_a_small_figure_is_not_rounded_to_nothing() -> None:
    (linear,) = (
        line for line in flops("resnet18").stdout.splitlines() if line.startswith("linear")
    )
    assert all(float(cell) > 0 for cell in linear.split()[2:5])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["resnet19"], "unknown model 'resnet19'; choose from lenet"),
        (["resnet18:depth=3"], "resnet18 has no option 'depth'"),
        (["resnet18:dropout=2"], "option dropout of resnet18 takes a number from 0 to 1, not '2'"),
        (["resnet18", "--input", "32"], "--input takes channels, height and width as 3x32x32"),
        (["resnet18", "--input", "0x32x32"], "not '0x32x32'"),
        (["densenet121", "--input", "3x4x4"], "densenet121 cannot read images of 3x4x4"),
        (["lenet", "--input", "1x28x28"], "lenet reads images of 32x32 pixels, not 28x28"),
        (["resnet18", "--method", "magic"], "'--method': unknown method 'magic'"),
        (["resnet18", "--method", "dense:drop=1"], "dense has no parameter 'drop'"),
        (["resnet18", "--samples", "10"], "--samples gives the total of a training: add --epochs"),
        (["resnet18", "--samples", "0"], "'--samples': 0 is not in the range x>=1"),
        (["resnet18", "--epochs", "0"], "'--epochs': 0 is not in the range x>=1"),
        (["resnet18", "--batch-size", "0"], "'--batch-size': 0 is not in the range x>=1"),
        (["resnet18", "--classes", "0"], "'--classes': 0 is not in the range x>=1"),
    ],
)
def test_a_mistake_is_one_line_of_usage(arguments: list[str], message: str) -> None:
    result = flops(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert message in line


def test_without_torch_the_remedy_is_named() -> None:
    program = (
        "import sys; sys.modules['torch'] = None; sys.argv = ['effmeter', 'flops', 'cnn2']; "
        "from effmeter.cli import main; main()"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        "effmeter: torch is not installed, and counting needs it: "
        'python -m pip install "effmeter[torch]"'
    ]


def test_help_lists_the_models_with_their_options() -> None:
    help_text = " ".join(flops("--help").stdout.split())
    assert "resnet50 (width dropout)" in help_text
    assert "ddpm (width multipliers dropout)" in help_text
