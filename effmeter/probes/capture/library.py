"""What the vendors' libraries answer: a stand-in that passes calls on and keeps the answers.

Probes import a library inside their functions, so a stand-in in ``sys.modules`` sees each call
that they make, and no other.
"""

import contextlib
import ctypes
import importlib
import json
import math
import sys
from collections.abc import Callable, Iterator
from enum import Enum
from types import ModuleType
from typing import Any

LIBRARIES = ("pynvml", "amdsmi", "zeus_apple_silicon")
_PLAIN = (bool, int, float, str, bytes, type(None))
_IDENTIFYING = ("Serial", "BoardId")
_PLACE_NUMBERS = ("domain", "bus", "device")
"""Numbers of a PCI address, beside the text that has the same."""


class CallLog:
    """The answers to each call, each with the time since ``begin_ns``."""

    def __init__(self, now_ns: Callable[[], int], begin_ns: int) -> None:
        self._now_ns = now_ns
        self._begin_ns = begin_ns
        self._answers: dict[str, list[list[Any]]] = {}
        self._handles: dict[Any, int] = {}

    def as_list(self) -> list[dict[str, Any]]:
        """The calls with their arguments and answers; only answers that differ from the last."""
        found = []
        for key, answers in self._answers.items():
            call, arguments = json.loads(key)
            found.append({"call": call, "arguments": arguments, "answers": answers})
        return found

    def keep(self, call: str, arguments: tuple[Any, ...], answer: dict[str, Any]) -> None:
        """One answer, as it is written."""
        key = json.dumps([call, [self.encode(argument) for argument in arguments]])
        answers = self._answers.setdefault(key, [])
        if not answers or answers[-1][1] != answer:
            answers.append([self._now_ns() - self._begin_ns, answer])

    def encode(self, value: Any) -> Any:
        """A value as JSON: structures by their fields, what is opaque by a number of its own."""
        if isinstance(value, Enum):
            return self.encode(value.value)
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else None
        if isinstance(value, bytes):
            return value.decode(errors="replace")
        if isinstance(value, list | tuple | ctypes.Array):
            return [self.encode(item) for item in value]
        if isinstance(value, dict):
            return {"dict": {str(key): self.encode(item) for key, item in value.items()}}
        if isinstance(value, ctypes.Union):
            return {"union": bytes(value).hex(), "type": type(value).__name__}
        fields = _fields(value)
        if fields:
            return {"object": {name: self.encode(item) for name, item in fields.items()}}
        return {"handle": self._handles.setdefault(_identity(value), len(self._handles))}


class TappedLibrary(ModuleType):
    """Stands for a library, or for an object of one, and keeps what its functions answer."""

    def __init__(self, wrapped: Any, name: str, log: CallLog, prefix: str = "") -> None:
        super().__init__(name)
        self._wrapped = wrapped
        self._log = log
        self._prefix = prefix
        self.__spec__ = getattr(wrapped, "__spec__", None)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._wrapped, name)
        if isinstance(found, type):
            is_error = issubclass(found, BaseException | ctypes.Structure | Enum)
            return found if is_error else self._constructor(name, found)
        return self._function(name, found) if callable(found) else found

    def _constructor(self, name: str, cls: Any) -> Callable[..., "TappedLibrary"]:
        def construct(*arguments: Any) -> TappedLibrary:
            built = self._passed_on(f"{name}()", cls, arguments, keep=False)
            return TappedLibrary(built, name, self._log, f"{name}.")

        return construct

    def _function(self, name: str, function: Any) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            return self._passed_on(f"{self._prefix}{name}", function, arguments)

        return call

    def _passed_on(
        self, name: str, function: Any, arguments: tuple[Any, ...], keep: bool = True
    ) -> Any:
        try:
            answer = function(*arguments)
        except Exception as error:
            kept = {"error": type(error).__name__, "text": str(error)}
            code = getattr(error, "value", None)
            self._log.keep(name, arguments, kept | ({"code": code} if code is not None else {}))
            raise
        if keep:
            shown = "removed" if name.endswith(_IDENTIFYING) else self._log.encode(answer)
            self._log.keep(name, arguments, {"value": shown})
        return answer


@contextlib.contextmanager
def tapped_libraries(now_ns: Callable[[], int], begin_ns: int) -> Iterator[dict[str, CallLog]]:
    """Keep what the installed libraries answer meanwhile, by library."""
    before = {name: sys.modules.get(name) for name in LIBRARIES}
    logs: dict[str, CallLog] = {}
    try:
        for name in LIBRARIES:
            with contextlib.suppress(Exception):  # not installed, or of another system
                library = importlib.import_module(name)
                logs[name] = CallLog(now_ns, begin_ns)
                sys.modules[name] = TappedLibrary(library, name, logs[name])
        yield logs
    finally:
        for name, module in before.items():
            if module is not None:
                sys.modules[name] = module
            else:
                sys.modules.pop(name, None)


def _fields(value: Any) -> dict[str, Any]:
    """The fields of a structure or of a plain object; none of what is opaque."""
    if isinstance(value, ctypes.Structure):
        names = [field[0] for field in getattr(value, "_fields_", ())]
        found = {name: getattr(value, name) for name in names}
    elif isinstance(value, ctypes._SimpleCData | ctypes._Pointer):
        return {}
    else:
        names = [name for name in dir(value) if not name.startswith("_")]
        found = {name: getattr(value, name, None) for name in names}
        found = {name: item for name, item in found.items() if isinstance(item, _PLAIN)}
    if "busId" in found:
        return {name: item for name, item in found.items() if name not in _PLACE_NUMBERS}
    return found


def _identity(handle: Any) -> Any:
    """The same for two handles of one device."""
    with contextlib.suppress(TypeError, ctypes.ArgumentError):
        return ctypes.cast(handle, ctypes.c_void_p).value
    return id(handle)
