"""Warnings to the user, which never end the training."""

import logging
import warnings

from effmeter.errors import EffmeterWarning
from effmeter.escaping import printable


def warn(text: str) -> None:
    """Issue a warning; where warnings are turned into errors, log it instead."""
    try:
        warnings.warn(text, EffmeterWarning, stacklevel=2)
    except EffmeterWarning:
        logging.getLogger("effmeter").warning(printable(text))


class WarnOnce:
    """Issues the first of its warnings: one fault often causes many."""

    def __init__(self) -> None:
        self._has_warned = False

    def __call__(self, text: str) -> None:
        """Warn, unless that has happened before."""
        if not self._has_warned:
            self._has_warned = True
            warn(text)
