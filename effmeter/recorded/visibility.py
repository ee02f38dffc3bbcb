"""The hidden devices of a program in files that name the visible ones instead.

Files of format 1 list the UUIDs of the NVIDIA GPUs that a program could see.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from effmeter.channel import Channel
from effmeter.cover import HIDDEN_CHANNELS

_VISIBLE_UUIDS = "visible_gpus"
_UUID = re.compile(r"GPU-[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def with_hidden_channels(program: Any, channels: Iterable[Channel]) -> Any:
    """A program's description, with the channels hidden from it where it names visible GPUs."""
    if not isinstance(program, Mapping) or HIDDEN_CHANNELS in program:
        return program
    visible = program.get(_VISIBLE_UUIDS)
    if not isinstance(visible, list):
        return program
    found = ((channel.name, _UUID.search(channel.device)) for channel in channels)
    hidden = [name for name, uuid in found if uuid and uuid[0] not in visible]
    return {**program, HIDDEN_CHANNELS: hidden}
