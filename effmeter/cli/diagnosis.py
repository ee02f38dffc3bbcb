"""What ``effmeter doctor`` finds out: the sensors, what they answer, and what reads them."""

import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from effmeter.cli.look import look_at
from effmeter.cli.output import say
from effmeter.client.connection import connect
from effmeter.cover import (
    DEVICE_CAUTIONS,
    VISIBILITY_UNKNOWN,
    Cover,
    choose_cover,
    hidden_channels,
)
from effmeter.errors import EffmeterError, EffmeterWarning, RecorderError
from effmeter.probes.base import Discovery
from effmeter.probes.search import discover
from effmeter.recorder.visibility import device_facts, variables_of
from effmeter.wire.paths import shared_sockets

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_ANSWER_TIMEOUT_S = 2.0
_CHECK_GROUP = "effmeter.checks"
"""The group of entry points of further checks.

Each takes the environment and returns dataclasses: ``str`` of one is a line, its fields are JSON.
"""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The sensors of this machine, and what reads and computes here."""

    discovery: Discovery
    failures: dict[str, str]
    """Channels that could not be read or whose counter stands still, with the reason."""
    standing: tuple[str, ...]
    """Those whose counter stands still."""
    cover: Cover
    remarks: tuple[str, ...]
    """What a program started here must know about its devices."""
    daemon: dict[str, Any] | None
    """The status of the shared recorder; None where none answers."""
    checks: "Mapping[str, tuple[DataclassInstance, ...]]"
    """The results of the checks that entry points name, by the name of the check."""


def diagnose(environ: Mapping[str, str]) -> Diagnosis:
    """The sensors, a short look at each, and the shared recorder where one runs."""
    discovery = discover(environ=environ)
    looked = look_at(discovery, on_wait=_say_that_it_waits)
    for probe in discovery.probes:
        probe.close()
    failures = {**looked.standing, **looked.failures}
    known = {channel.name for channel in discovery.channels} - failures.keys()
    facts = device_facts(variables_of(environ), discovery.devices, discovery)
    unseen = hidden_channels([facts])
    cover = choose_cover(discovery.channels, known, discovery.refusals, unseen)
    standing = tuple(name for name in looked.standing if name not in looked.failures)
    daemon, checks = daemon_status(environ), _checks(environ)
    remarks = (*facts.get(DEVICE_CAUTIONS, ()), *_unknown(facts))
    return Diagnosis(discovery, failures, standing, cover, remarks, daemon, checks)


def _unknown(facts: Mapping[str, Any]) -> list[str]:
    """Why it is unknown which devices a program here may use."""
    reason = facts.get(VISIBILITY_UNKNOWN)
    return [f"all devices count, though a program here may not use all: {reason}"] if reason else []


def _say_that_it_waits() -> None:
    if sys.stderr.isatty():
        say("watching whether the counters move ...")


def _checks(environ: Mapping[str, str]) -> "dict[str, tuple[DataclassInstance, ...]]":
    results: dict[str, tuple[DataclassInstance, ...]] = {}
    for check in sorted(entry_points(group=_CHECK_GROUP), key=lambda check: check.name):
        try:
            results[check.name] = tuple(check.load()(environ))
        except EffmeterError:
            raise
        except Exception as error:  # a broken package must not hide the sensors
            reason = " ".join(str(error).split()) or type(error).__name__
            text = f"the check {check.name} cannot be made: {reason}"
            warnings.warn(text, EffmeterWarning, stacklevel=1)
    return results


def daemon_status(environ: Mapping[str, str]) -> dict[str, Any] | None:
    """The status of the first shared recorder that answers."""
    for path in shared_sockets(environ):
        try:
            connection = connect(path, _ANSWER_TIMEOUT_S)
        except RecorderError:
            continue
        try:
            connection.send({"op": "status"})
            status = connection.expect("status", _ANSWER_TIMEOUT_S)
            return {name: fact for name, fact in status.items() if name != "op"}
        except RecorderError:
            continue
        finally:
            connection.close()
    return None
