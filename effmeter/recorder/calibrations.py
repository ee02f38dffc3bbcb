"""The calibrations that a client's machine remembers, for the channels of its recording."""

import json
from collections.abc import Iterable, Mapping

from effmeter.channel import Calibration, Channel
from effmeter.wire.protocol import Message, ProtocolError


class Calibrations:
    """By sensor; a sensor without one keeps the errors that its family states."""

    def __init__(self, by_sensor: Mapping[str, Calibration]) -> None:
        self._by_sensor = by_sensor

    @classmethod
    def of(cls, begin: Message) -> "Calibrations":
        """Those that a client begins with; ProtocolError where one is none."""
        try:
            kept = (begin.get("calibrations") or {}).items()
            return cls({name: Calibration.from_mapping(json.loads(text)) for name, text in kept})
        except (TypeError, ValueError, RecursionError) as error:
            raise ProtocolError(f"begin: not a calibration: {error}") from error

    def describe(self, channel: Channel) -> Channel:
        """The channel with its calibration, where it has one."""
        known = self._by_sensor.get(channel.sensor)
        return channel if known is None else channel.calibrated(known)

    def describe_all(self, channels: Iterable[Channel]) -> tuple[Channel, ...]:
        """The same for several."""
        return tuple(map(self.describe, channels))
