"""Whether less or more of a metric is better, by its name, as ``mode="auto"`` of Keras decides.

Criteria, reports and the command line all ask here. A name that says neither needs an explicit
mode: there is no default, because a wrong guess ends a training that still improves.
"""

import re
from typing import Literal

from effmeter.errors import UsageError

Mode = Literal["min", "max"]
"""``"min"``: less is better; ``"max"``: more is better."""

_FALLING = re.compile(
    r"\w*loss|losses|errors?|err|mae|n?r?mse|r?msle|s?mape|nll|fid|kid|perplexity|ppl|[wct]er|"
    r"bp[bcd]|crossentropy|divergence|kl|brier|ece|deviance|regret"
)
"""Words of a name that say that less is better."""
_RISING = re.compile(
    r"\w*accuracy|acc|auc|auroc|auprc|f1|bleu|rouge|meteor|chrf|r2|m?iou|map|precision|recall|"
    r"sensitivity|specificity|psnr|ssim|dice|jaccard|mcc|kappa|ndcg|mrr|likelihood|elbo"
)
"""Words of a name that say that more is better."""
_RISING_ALONE = "score"
"""Rises unless another word of the name says what is scored: ``fid_score`` falls."""
_NEGATIONS = frozenset({"neg", "negative", "inverse"})
_WORD = re.compile(r"[A-Z]?[a-z]+[0-9]*|[A-Z]+[0-9]*")
_CROSS_ENTROPY = re.compile(r"cross[^A-Za-z0-9]?entropy", re.IGNORECASE)


def usual_mode(metric: str) -> Mode | None:
    """The mode that a metric's name implies; None where it implies none.

    The last known word decides, so ``val_f1_loss`` falls. Words are separated by anything but
    letters and digits, and by capitals (``valLoss``, ``mAP50``). A negated name, such as
    ``neg_mean_squared_error``, implies nothing, because conventions differ.
    """
    words = _words(metric)
    if not _NEGATIONS.isdisjoint(words):
        return None
    for word in reversed(words):
        mode = _mode_of_word(word)
        if mode is not None:
            return mode
    return "max" if _RISING_ALONE in words else None


def resolved_mode(metric: str, mode: str | None) -> Mode:
    """The mode given, else that of the metric's name; UsageError where neither says."""
    if not isinstance(metric, str):
        raise UsageError(f"a criterion takes the name of a metric, as 'val_loss', not {metric!r}")
    match usual_mode(metric) if mode is None else mode:
        case "min" | "max" as known:
            return known
        case None:
            raise UsageError(
                f"the name {metric!r} does not say whether less or more of it is better: "
                'pass mode="min" or mode="max"'
            )
        case unknown:
            raise UsageError(f'mode is "min" or "max", not {unknown!r}')


def _words(metric: str) -> list[str]:
    """The words of a name in lower case; ``mAP50`` gives ``map50`` besides ``m`` and ``ap50``."""
    words: list[str] = []
    for part in re.split(r"[^A-Za-z0-9]+", _CROSS_ENTROPY.sub("crossentropy", metric)):
        words += [*(word.lower() for word in _WORD.findall(part)), part.lower()]
    return words


def _mode_of_word(word: str) -> Mode | None:
    for form in (word, word.rstrip("0123456789")):
        if _FALLING.fullmatch(form):
            return "min"
        if _RISING.fullmatch(form):
            return "max"
    return None
