"""Sensors that only another process can read: the devices of a rank in a cgroup of its own.

The rank's helper (:mod:`.device_helper`) reads them and hands the recorder one end of a socket.
A question is one line, ``[call, boundary]``; its answer is one line, a list of readings. Both
processes run on one host, so the readings' moments are of one clock.
"""

import json
import re
import socket
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from effmeter.channel import Channel, Component, Kind
from effmeter.errors import NotARunError, ProbeError
from effmeter.probes.base import (
    Boundary,
    BoundaryReader,
    Failure,
    Probe,
    Reading,
    coarse_counters,
)

TIMEOUT_S = 30.0
"""Longer than a driver hangs; a helper that has ended hangs up at once."""
_MOST_CHANNELS = 256
_LONGEST_S = 3600.0
_LONGEST_ANSWER = 1 << 20
_LONGEST_REASON = 200
_NUMBERED = re.compile(r"(gpu|amd-gpu)(\d+)(.*)")


class RemoteProbe:
    """Reads the sensors behind a socket; ValueError where they are not described.

    ``taken``: names of channels that the recorder has; numbered GPUs are numbered on after them.
    ``wanted``: whether a channel is of a device that the recorder does not read yet: by now it may
    read some that the helper was asked for, by the helper of another rank.
    """

    def __init__(
        self,
        sock: socket.socket,
        described: str,
        taken: Collection[str],
        wanted: Callable[[Channel], bool] = lambda _: True,
    ) -> None:
        try:
            facts = json.loads(described)
            channels = [Channel.from_mapping(channel) for channel in facts["channels"]]
            self.name = f"helper {int(facts['pid'])}"
            self.period_s = float(facts["period_s"])
            self.settles_s = float(facts["settles_s"])
            self.is_coarse = bool(facts["is_coarse"])
        except (KeyError, TypeError, OverflowError, RecursionError, NotARunError) as error:
            raise ValueError(f"no description of sensors: {error}") from error
        if not (0 < self.period_s <= _LONGEST_S and 0 <= self.settles_s <= _LONGEST_S):
            raise ValueError("no description of sensors: a time is out of range")
        components = {channel.component for channel in channels}
        if len(channels) > _MOST_CHANNELS or components - {Component.GPU}:
            raise ValueError("no description of sensors of GPUs")
        channels = [channel for channel in channels if wanted(channel)]
        self._names = numbered_on([channel.name for channel in channels], taken)
        self._kinds = {channel.name: channel.kind for channel in channels}
        new = set(self._names.values())
        if not channels or len(new) < len(channels) or not new.isdisjoint(taken):
            raise ValueError("no description of sensors that are not read already")
        self.channels = tuple(self._renamed(channel) for channel in channels)
        sock.settimeout(TIMEOUT_S)
        self._socket = sock
        self._lines = sock.makefile("rb")

    def read(self) -> list[Reading]:
        """One reading of every channel."""
        return self._ask("read", Boundary.MARK)

    def read_at(self, boundary: Boundary) -> list[Reading]:
        """The readings at a boundary."""
        return self._ask("read_at", boundary)

    def read_closely(self) -> list[Reading]:
        """One reading of the counters that change rarely."""
        return self._ask("read_closely", Boundary.MARK)

    def close(self) -> None:
        """Hang up: the helper ends."""
        self._lines.close()
        self._socket.close()

    def _ask(self, call: str, boundary: Boundary) -> list[Reading]:
        try:
            self._socket.sendall(json.dumps([call, int(boundary)]).encode() + b"\n")
            answer = self._lines.readline(_LONGEST_ANSWER)
        except OSError as error:
            raise ProbeError(f"its helper does not answer: {error}") from error
        if not answer:
            raise ProbeError("its helper has ended")
        try:
            readings = [self._reading(*reading) for reading in json.loads(answer)]
        except (ValueError, TypeError, RecursionError) as error:
            raise ProbeError(f"its helper answers with no readings: {error}") from error
        return [reading for reading in readings if reading is not None]

    def _reading(self, name: str, begin_ns: int, end_ns: int, shown: object) -> Reading | None:
        """A reading of a channel that is wanted; ValueError, TypeError where it is none."""
        if name not in self._names:
            return None
        if type(begin_ns) is not int or type(end_ns) is not int or not begin_ns <= end_ns < 2**63:
            raise ValueError("a moment is out of range")
        value = _value(shown)
        is_whole = isinstance(value, int | Failure)
        if self._kinds[name] is Kind.COUNTER and not is_whole:
            raise ValueError("a counter shows whole numbers")
        return Reading(self._names[name], begin_ns, end_ns, value)

    def _renamed(self, channel: Channel) -> Channel:
        outer = channel.contained_in
        inside = None if outer is None else self._names.get(outer)
        return replace(channel, name=self._names[channel.name], contained_in=inside)


def numbered_on(names: Sequence[str], taken: Iterable[str]) -> dict[str, str]:
    """New names by the names of channels: numbers go on after those of the same prefix."""
    last: dict[str, int] = {}
    for numbered in filter(None, map(_NUMBERED.fullmatch, taken)):
        prefix, number = numbered[1], int(numbered[2])
        last[prefix] = max(last.get(prefix, -1), number)
    found = {}
    for name in names:
        match = _NUMBERED.fullmatch(name)
        if match is not None:
            number = int(match[2]) + last.get(match[1], -1) + 1
            found[name] = f"{match[1]}{number}{match[3]}"
    return {name: found.get(name, name) for name in names}


def _value(shown: object) -> int | float | Failure:
    if isinstance(shown, str):
        return Failure(shown[:_LONGEST_REASON])
    if isinstance(shown, bool) or not isinstance(shown, int | float) or not 0 <= shown < 2**64:
        raise ValueError("a value is out of range")
    return shown


class RemoteReader:
    """The helper's side: reads some channels of probes when it is asked."""

    def __init__(self, probes: Sequence[Probe], wanted: Callable[[Channel], bool]) -> None:
        self._channels = [c for probe in probes for c in probe.channels if wanted(c)]
        self._names = {channel.name for channel in self._channels}
        self._probes = [p for p in probes if any(c.name in self._names for c in p.channels)]

    @property
    def is_empty(self) -> bool:
        """Whether none of the probes shows what is wanted."""
        return not self._channels

    def describe(self, pid: int) -> str:
        """What a ``RemoteProbe`` needs to know."""
        settling = [p.settles_s for p in self._probes if isinstance(p, BoundaryReader)]
        facts: Mapping[str, Any] = {
            "pid": pid,
            "period_s": max(probe.period_s for probe in self._probes),
            "settles_s": max(settling, default=0.0),
            "is_coarse": any(coarse_counters(probe) for probe in self._probes),
            "channels": [json.loads(channel.to_json()) for channel in self._channels],
        }
        return json.dumps(facts)

    def serve(self, sock: socket.socket) -> None:
        """Answer until the recorder hangs up."""
        with sock.makefile("rb") as lines:
            for line in lines:
                call, boundary = json.loads(line)
                readings = [
                    [r.channel, r.begin_ns, r.end_ns, _shown(r.value)]
                    for probe in self._probes
                    for r in _read(probe, call, Boundary(boundary))
                    if r.channel in self._names
                ]
                sock.sendall(json.dumps(readings).encode() + b"\n")


def _read(probe: Probe, call: str, boundary: Boundary) -> Sequence[Reading]:
    if call == "read_closely":
        coarse = coarse_counters(probe)
        return () if coarse is None else coarse.read_closely()
    if call == "read_at" and isinstance(probe, BoundaryReader):
        return probe.read_at(boundary)
    return probe.read()


def _shown(value: int | float | Failure) -> int | float | str:
    return value.reason if isinstance(value, Failure) else value
