"""What a recorder can read, and the devices of the programs that it records.

It finds sensors by itself; the helper processes of programs list devices that only they see, and
offer to read them.
"""

import os
import socket
from collections.abc import Callable

from effmeter.channel import Channel
from effmeter.probes.base import Discovery, Listed
from effmeter.probes.devices import listing_from_texts
from effmeter.recorder.disposal import Disposal
from effmeter.recorder.policy import ServicePolicy
from effmeter.recorder.program_devices import ProgramDevices, ProgramKey
from effmeter.recorder.remote_probe import RemoteProbe
from effmeter.recorder.served_client import ServedClient
from effmeter.recorder.visibility import unseen_devices, with_unseen_devices
from effmeter.wire.protocol import Message, ProtocolError


class KnownDevices:
    """The sensors that are read; ``on_found`` is called with all of them when there are more."""

    def __init__(
        self,
        discovery: Discovery,
        policy: ServicePolicy,
        on_found: Callable[[Discovery], None],
        disposal: Disposal,
        note_error: Callable[[Exception], object],
    ) -> None:
        self.discovery = discovery
        """The sensors, the devices and the refusals of now."""
        self.programs = ProgramDevices(
            lambda: self.discovery, lambda: self._own, note_error=note_error
        )
        self._disposal = disposal
        self._own = discovery.devices
        self._policy = policy
        self._on_found = on_found

    def take_found(self, found: Discovery) -> None:
        """Take in what a search of the recorder's own has found."""
        self._own = found.devices
        self._take_in(found)

    def take_listing(self, client: ServedClient, message: Message) -> None:
        """Take the list of a program's devices from its helper."""
        listing = _listing_in(message)
        self.programs.receive(ProgramKey(client.peer.uid, message["program_id"]), listing)
        # A shared recorder takes no readings from a client: they would be in others' runs.
        unread = unseen_devices(listing, self.discovery) if self._policy.is_private else {}
        ids = [device.id for devices in unread.values() for device in devices]
        client.send({"op": "unread", "devices": ids})

    def take_sensors(self, client: ServedClient, message: Message) -> None:
        """Read from now on, through a helper, the devices that only its program sees."""
        unread = unseen_devices(_listing_in(message), self.discovery)
        descriptor = client.pop_descriptor()
        if descriptor is None or not self._policy.is_private or not unread:
            if descriptor is not None:
                self._disposal.discard(client.peer.uid, [descriptor])
            client.send({"op": "refused", "reason": "these sensors are not wanted"})
            return
        devices = [device for found in unread.values() for device in found]

        def is_unread(channel: Channel) -> bool:
            return any(device.is_of(channel) for device in devices)

        remote = _socket_of(descriptor)
        try:
            names = self.discovery.names
            probe = RemoteProbe(remote, str(message["sensors"].get("text")), names, is_unread)
        except ValueError as error:
            remote.close()
            raise ProtocolError(f"sensors: {error}") from error
        client.send({"op": "sensors"})
        self._take_in(with_unseen_devices(self.discovery, probe, unread))

    def _take_in(self, found: Discovery) -> None:
        self.discovery = found
        self._on_found(found)
        self.programs.restate()


def _socket_of(descriptor: int) -> socket.socket:
    try:
        return socket.socket(fileno=descriptor)
    except OSError as error:
        os.close(descriptor)
        raise ProtocolError(f"sensors: the descriptor is no socket: {error.strerror}") from error


def _listing_in(message: Message) -> dict[str, Listed]:
    try:
        return listing_from_texts(message["listing"])
    except ValueError as error:
        raise ProtocolError(f"{message['op']}: {error}") from error
