"""Files with bytes changed, as by a disk, a copy that stopped or a stranger with an editor."""

from random import Random

from effmeter.runfile.framing import HEADER_BYTES, HEADER_START, close_frame, header_at

KINDS = ("cut", "flip", "flip", "scatter", "zero", "fill", "swap", "tail", "drop", "repeat")


def damaged(rng: Random, data: bytes) -> bytes:
    """The bytes with one kind of damage."""
    made, kind, at = bytearray(data), rng.choice(KINDS), rng.randrange(len(data))
    if kind == "cut":
        del made[at:]
    elif kind == "flip":
        made[at] ^= 1 << rng.randrange(8)
    elif kind == "scatter":
        for _ in range(10):
            made[rng.randrange(len(made))] = rng.randrange(256)
    elif kind in ("zero", "fill"):
        count = min(len(made) - at, rng.choice((1, 8, 512, 4096)))
        made[at : at + count] = (b"\0" if kind == "zero" else b"\xff") * count
    elif kind == "swap":
        other = rng.randrange(len(made))
        made[at : at + 64], made[other : other + 64] = made[other : other + 64], made[at : at + 64]
    elif kind == "tail":
        made += rng.randbytes(rng.randrange(1, 5000))
    elif kind == "drop":
        del made[at : at + rng.randrange(1, 200)]
    else:
        made[at:at] = made[at : at + rng.randrange(1, 2000)]
    return bytes(made)


def reframed(rng: Random, data: bytes) -> bytes:
    """The file with bytes of one frame changed and its checksum made to fit."""
    places = []
    at = data.find(HEADER_START)
    while at >= 0:
        header = header_at(data, at)
        if header is not None:
            places.append((at - header.offset, header))
        at = data.find(HEADER_START, at + 1)
    begin, header = rng.choice(places)
    frame = bytearray(data[begin : begin + header.length])
    inside = range(header.offset, header.offset + HEADER_BYTES)
    for _ in range(rng.choice((1, 1, 2, 8))):
        place = rng.randrange(len(frame))
        if place not in inside:
            frame[place] = rng.choice((0, 255, frame[place] ^ 1 << rng.randrange(8)))
    frame[header.offset : header.offset + HEADER_BYTES] = header._replace(
        number=0, offset=0, length=0, checksum=0
    ).to_bytes()
    close_frame(frame, header.file, header.number)
    return data[:begin] + bytes(frame) + data[begin + header.length :]
