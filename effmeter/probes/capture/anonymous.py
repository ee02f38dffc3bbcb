"""Takes names out of a capture, so that equal ones stay equal and the order of places is kept.

Replaced are UUIDs, serial numbers and unique ids, PCI addresses, the names of host and user, and
folders below a home.
"""

import contextlib
import getpass
import json
import os
import re
import socket
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_BUS = re.compile(
    r"(?<![0-9a-fA-F:.])([0-9a-fA-F]{4,8}):([0-9a-fA-F]{2})"
    r"(?=:[0-9a-fA-F]{2}\.[0-9a-fA-F](?![0-9a-fA-F]))"
)
_ROOT_BUS = re.compile(r"\bpci([0-9a-f]{4,8}):([0-9a-f]{2})\b")
_PLACE = re.compile(r"^(location_id|domain|unique_id) (\d+)$", re.MULTILINE)
_UNIQUE = re.compile(
    r'("?(?:serial|unique)[\w ]*"?\s*[:=]\s*"?)((?:0x)?)([0-9a-zA-Z]{6,})', re.IGNORECASE
)
_UNIQUE_NAME = re.compile(r"(.*/)?(unique_?id|serial\w*|board_?id)", re.IGNORECASE)
_HOME = re.compile(r"(/home|/Users|/root)(/[^\s/\"':]+)?(/[^\s\"':]*)?")
_SHORTEST_NAME = 3
_COMMON_NAMES = frozenset({"root", "/root", "localhost", "user", "host", "ubuntu", "linux"})


def without_names(
    capture: Mapping[str, Any], names: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The capture without names; ``names`` are words to replace, by default of host and user."""
    names = own_names() if names is None else names
    replacer = _Replacer(json.dumps(capture), names)
    return {key: replacer.applied(value) for key, value in capture.items()}


def own_names() -> dict[str, str]:
    """The names of this host and of who runs this, with what stands for them."""
    host = socket.gethostname()
    found = {host: "host", host.partition(".")[0]: "host"}
    with contextlib.suppress(KeyError, OSError):  # no entry for the user's number
        found[getpass.getuser()] = "user"
    found[os.environ.get("SUDO_USER", "")] = "user"
    found[os.path.expanduser("~")] = "/home/user"
    return {
        name: instead
        for name, instead in found.items()
        if len(name) >= _SHORTEST_NAME and name not in _COMMON_NAMES
    }


class _Replacer:
    """Replacements for all that occurs in a text, each the same wherever it occurs."""

    def __init__(self, text: str, names: Mapping[str, str]) -> None:
        places = {_place(*m.groups()) for m in (*_BUS.finditer(text), *_ROOT_BUS.finditer(text))}
        self._buses = dict(_renumbered(places))
        self._uuids: dict[str, str] = {}
        self._ids: dict[str, str] = {}
        self._names = {re.compile(rf"(?<!\w){re.escape(n)}(?!\w)"): new for n, new in names.items()}

    def applied(self, value: Any) -> Any:
        """The value with all texts in it replaced, those of keys included."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return {self._text(key): self._item(key, item) for key, item in value.items()}
        if isinstance(value, Iterable):
            return [self.applied(item) for item in value]
        return value

    def _item(self, key: str, item: Any) -> Any:
        is_id = isinstance(item, str) and _UNIQUE_NAME.fullmatch(key)
        return self._id(item) if is_id else self.applied(item)

    def _text(self, text: str) -> str:
        text = _UUID.sub(lambda m: self._uuid(m[0]), text)
        text = _BUS.sub(self._bus, text)
        text = _ROOT_BUS.sub(lambda m: "pci" + self._bus(m), text)
        text = self._topology(text)
        text = _UNIQUE.sub(lambda m: m[1] + m[2] + self._id(m[3]), text)
        text = _HOME.sub("/home/user", text)
        for name, instead in self._names.items():
            text = name.sub(instead, text)
        return text

    def _uuid(self, found: str) -> str:
        number = len(self._uuids) + 1
        return self._uuids.setdefault(found.lower(), f"00000000-0000-0000-0000-{number:012x}")

    def _id(self, found: str) -> str:
        plain = found.strip().lower().removeprefix("0x").lstrip("0")
        return self._ids.setdefault(plain, f"{len(self._ids) + 1:016x}") if plain else found

    def _bus(self, match: re.Match[str]) -> str:
        """Domain and bus in the notation of the original."""
        domain, bus = self._buses[_place(*match.groups())]
        shown = f"{domain:0{len(match[1])}x}:{bus:02x}"
        return shown.upper() if match[0] != match[0].lower() else shown

    def _topology(self, text: str) -> str:
        """AMD's compute topology states a place by numbers: bus, device and function in one."""
        stated = {m[1]: int(m[2]) for m in _PLACE.finditer(text)}
        if "location_id" not in stated:
            return text
        place = stated["location_id"]
        domain, bus = self._buses.get((stated.get("domain", 0), place >> 8 & 255), (0, 0))
        instead = {"location_id": bus << 8 | place & 255, "domain": domain}
        if "unique_id" in stated:
            unique = stated["unique_id"]
            instead["unique_id"] = int(self._id(f"{unique:x}"), 16) if unique else 0
        return _PLACE.sub(lambda m: f"{m[1]} {instead.get(m[1], 0)}", text)


def _renumbered(
    places: Collection[tuple[int, int]],
) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """New numbers of domains and buses in the old order; a root bus, number 0, stays one."""
    for number, domain in enumerate(sorted({domain for domain, _ in places})):
        beyond_root = sorted(bus for place, bus in places if place == domain and bus)
        yield (domain, 0), (number, 0)
        yield from (((domain, bus), (number, i)) for i, bus in enumerate(beyond_root, 1))


def _place(domain: str, bus: str) -> tuple[int, int]:
    return int(domain, 16), int(bus, 16)
