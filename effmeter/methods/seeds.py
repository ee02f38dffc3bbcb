"""Seeds that follow from another seed, so that generators of one training do not coincide."""

import hashlib


def derived_seed(seed: int, *purpose: str | int) -> int:
    """A seed in [0, 2**63) for a purpose, given by names and numbers.

    The same for the same arguments on every machine; by chance alone that of other arguments.
    """
    digest = hashlib.sha256(repr((seed, *purpose)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
