"""What the users of a shared recorder may cost its loop: time, refilled as time passes.

Each user other than root and the owner has one allowance, however many connections it opens. A
message costs the time that its kind takes at least, or the time that it took. A user in debt is
not served until the debt is paid; its messages wait in its sockets.
"""

from collections.abc import Iterable

SHARE = 0.1
"""Of the loop's time, the most that one user gets."""
SHARE_OF_ALL = 0.3
"""Of the loop's time, the most that all of these users get together."""
BURST_NS = 100_000_000
"""The most that a user can have saved: 2000 marks at once."""
CONNECTION_NS = 300_000
_BYTE_NS = 20
_US = 1_000
_COSTS_NS = {
    "mark": 50 * _US,
    "watch": 20 * _US,
    "hello": 200 * _US,
    "ask": 300 * _US,
    "status": 300 * _US,
    "end": 500 * _US,
    "devices": 500 * _US,
    "sensors": 500 * _US,
    "join": 1000 * _US,
    "begin": 3000 * _US,
}
"""What a message costs the recorder in all: its handling, its rows, the readings that it requests,
what the threads of the recorder do for it later."""
_OTHER_NS = 100 * _US


def cost_ns(operation: str, size_bytes: int) -> int:
    """The least that a message costs."""
    return _COSTS_NS.get(operation, _OTHER_NS) + size_bytes * _BYTE_NS


class Allowance:
    """What one user may still cost."""

    def __init__(self, now_ns: int) -> None:
        self._left_ns = float(BURST_NS)
        self._at_ns = now_ns
        self.share = SHARE

    def spend(self, cost: int, now_ns: int) -> None:
        """Take a cost from the allowance, which may become a debt."""
        self._refill(now_ns)
        self._left_ns -= cost

    def free_ns(self, now_ns: int) -> int:
        """When the user may be served: now, or once its debt is paid."""
        self._refill(now_ns)
        return now_ns if self._left_ns >= 0 else now_ns + int(-self._left_ns / self.share) + 1

    def is_full(self, now_ns: int) -> bool:
        """Whether nothing is owed or used: it can be forgotten."""
        self._refill(now_ns)
        return self._left_ns >= BURST_NS

    def _refill(self, now_ns: int) -> None:
        earned_ns = (now_ns - self._at_ns) * self.share
        self._left_ns = min(self._left_ns + earned_ns, BURST_NS)
        self._at_ns = now_ns


class Allowances:
    """The allowances of all users, by their numbers."""

    def __init__(self) -> None:
        self._by_uid: dict[int, Allowance] = {}

    def spend(self, uid: int, cost: int, now_ns: int) -> None:
        """Charge a user."""
        self._of(uid, now_ns).spend(cost, now_ns)

    def free_ns(self, uid: int, now_ns: int) -> int:
        """When a user may be served: now or later."""
        known = self._by_uid.get(uid)
        return now_ns if known is None else known.free_ns(now_ns)

    def keep(self, uids: Iterable[int], now_ns: int) -> None:
        """Forget the users that have left and owe nothing."""
        connected = set(uids)
        for uid, allowance in list(self._by_uid.items()):
            if uid not in connected and allowance.is_full(now_ns):
                del self._by_uid[uid]
        self._share_out()

    def _of(self, uid: int, now_ns: int) -> Allowance:
        if uid not in self._by_uid:
            self._by_uid[uid] = Allowance(now_ns)
            self._share_out()
        return self._by_uid[uid]

    def _share_out(self) -> None:
        for allowance in self._by_uid.values():
            allowance.share = min(SHARE, SHARE_OF_ALL / len(self._by_uid))
