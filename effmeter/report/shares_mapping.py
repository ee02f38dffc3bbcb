"""The shares of a run as nested mappings, as JSON and CSV show them."""

from collections.abc import Mapping
from typing import Any

from effmeter.analysis.run_shares import DeviceShares, Shares
from effmeter.analysis.shares import Holder, Share


def shares_as_mapping(shares: Shares) -> dict[str, Any]:
    """The shares of the total and of each device."""
    return {
        "power_ratio": shares.power_ratio,
        "idle_date": shares.idle_date,
        "idle_unknown": shares.no_idle,
        "holders": _holders(shares.shares),
        "devices": [_device(device) for device in shares.devices],
        "cautions": list(shares.cautions),
    }


def share_columns(shares: Shares) -> dict[str, float | None]:
    """The columns of a row of CSV: each holder's energy with both ends."""
    columns: dict[str, float | None] = {}
    for name, share in _holders(shares.shares).items():
        for end in ("value", "low", "high"):
            column = f"share.{name}_j" if end == "value" else f"share.{name}_{end}_j"
            columns[column] = share[f"{end}_j"]
    return columns


def _device(device: DeviceShares) -> dict[str, Any]:
    return {
        "device": device.name,
        "energy": device.energy.as_mapping(),
        "unknown": device.unknown,
        "holders": _holders(device.shares),
    }


def _holders(shares: Mapping[Holder, Share]) -> dict[str, dict[str, float | None]]:
    return {
        holder.name.lower(): {
            "value_j": share.value_j,
            "low_j": share.low_j,
            "high_j": share.high_j,
            "systematic_j": share.systematic_j,
        }
        for holder, share in shares.items()
    }
