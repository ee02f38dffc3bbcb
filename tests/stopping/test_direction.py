"""Whether less or more of a metric is better, by its name."""

import pytest

from effmeter.errors import UsageError
from effmeter.stopping.direction import resolved_mode, usual_mode


@pytest.mark.parametrize(
    "name",
    [
        "loss",
        "val_loss",
        "train/loss",
        "logloss",
        "valLoss",
        "test.error",
        "WER",
        "error_rate",
        "rmse",
        "test/rmse",
        "RMSE",
        "nll",
        "perplexity",
        "fid",
        "FID",
        "fid_score",
        "brier_score",
        "kid_50k",
        "f1_loss",
        "accuracy_error",
        "cross_entropy",
        "cross-entropy",
        "crossentropy",
        "mean_absolute_error",
    ],
)
def test_losses_and_errors_fall(name: str) -> None:
    assert usual_mode(name) == "min"


@pytest.mark.parametrize(
    "name",
    [
        "accuracy",
        "acc1",
        "val_acc",
        "top5_accuracy",
        "f1",
        "f1_score",
        "r2",
        "mAP",
        "mAP50",
        "mean_iou",
        "mIoU",
        "bleu4",
        "rougeL",
        "rouge1",
        "auc",
        "roc_auc",
        "precision",
        "recall@5",
        "score",
        "lossless_score",
        "terror_score",
        "psnr",
    ],
)
def test_accuracies_and_scores_rise(name: str) -> None:
    assert usual_mode(name) == "max"


@pytest.mark.parametrize(
    "name",
    [
        "reward",
        "colour",
        "lossless",
        "power",
        "heatmap",
        "glossary",
        "entropy",
        "learning_rate",
        "neg_mean_squared_error",
        "neg_log_likelihood",
    ],
)
def test_other_names_say_neither(name: str) -> None:
    assert usual_mode(name) is None


def test_a_given_mode_overrules_the_name() -> None:
    assert resolved_mode("loss", "max") == "max"
    assert resolved_mode("loss", None) == "min"


@pytest.mark.parametrize(
    ("metric", "mode", "complaint"),
    [
        ("reward", None, 'name \'reward\' does not say .* pass mode="min" or mode="max"'),
        ("loss", "down", 'mode is "min" or "max", not \'down\''),
    ],
)
def test_neither_name_nor_mode_is_one_clear_error(
    metric: str, mode: str | None, complaint: str
) -> None:
    with pytest.raises(UsageError, match=complaint):
        resolved_mode(metric, mode)
