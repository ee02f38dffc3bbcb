"""What the methods share that rewrite the backward passes of layers: they see their own rules run.

Not all of them save work, and in a combination the work account is that of all parts.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from effmeter.methods.gradients.autotune import Autotuned
from effmeter.methods.gradients.rewriting import RewrittenConv2d, RewrittenLinear
from effmeter.methods.method import Method


class GradientMethod(Method):
    """Base of the methods that rewrite gradients."""

    acts_on = "gradients"

    def __init__(self, *, seed: int = 0) -> None:
        super().__init__(seed=seed)
        self._has_ruled = False

    @property
    def active(self) -> bool:
        """Whether a rule of its own has been in force in any step so far."""
        return self._has_ruled

    def _see_rules(self, layers: Iterable[RewrittenConv2d | RewrittenLinear]) -> None:
        """A step begins; an autotuned rule says when its layer runs whether it holds."""
        rules = (layer.rule for layer in layers)
        self._has_ruled |= any(not isinstance(rule, Autotuned | None) for rule in rules)

    def _state(self) -> dict[str, Any]:
        return {"has_ruled": self._has_ruled}

    def _load_state(self, state: Mapping[str, Any]) -> None:
        self._has_ruled = state["has_ruled"]
