"""The GPUs that are read of those that a tool lists: each counts once, and all are accounted for.

A partition shows what the whole GPU does; the second die of an MI250 shows nothing, and the
first one the package. A silent GPU is a second die only beside a first die of the same kind that
no other die belongs to: alone it is a GPU that cannot be read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from effmeter.channel import Refusal
from effmeter.probes.amd.chips import Chip
from effmeter.probes.amd.gpu import NOT_SHOWN, Seen
from effmeter.probes.amd.refusals import IN_PROCESSOR, part_of_another, refused
from effmeter.probes.base import Failure

_PARTITION = "a partition: the first one shows the whole GPU"
_SECOND_DIE = "a second die: the first one shows the package"
_NO_FIRST_DIE = "it is called a second die, and there is no first die of its board"


@dataclass(frozen=True, slots=True)
class ListedGpu:
    """A GPU as a tool lists it."""

    source: str
    """The tool and its number of the GPU."""
    channel: str
    """The channel that it would be."""
    address: str
    """Its PCI address; empty where the tool does not tell it."""
    chip: Chip
    seen: Seen
    is_called_second_die: bool = False
    is_integrated: bool = False

    @property
    def is_silent(self) -> bool:
        """Whether it shows neither energy nor power."""
        return all(value == 0 or isinstance(value, Failure) for value in self.seen)

    @property
    def board(self) -> str:
        """The address without the function, which partitions share."""
        return self.address.rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class Judgement:
    """Which of the listed GPUs are read, and why the others have no channel of their own."""

    read: tuple[ListedGpu, ...]
    refusals: tuple[tuple[ListedGpu, Refusal], ...]

    @property
    def settled(self) -> frozenset[str]:
        """The addresses of the GPUs that are read, by their own sensors or by another's."""
        others = (gpu for gpu, refusal in self.refusals if not refusal.present)
        return frozenset(gpu.address for gpu in (*self.read, *others))


def judge(listed: Sequence[ListedGpu]) -> Judgement:
    """Tell the GPUs that have figures of their own from those that have none."""
    seconds = _second_dies(listed)
    read_boards: set[str] = set()
    read: list[ListedGpu] = []
    refusals: list[tuple[ListedGpu, Refusal]] = []
    for place, gpu in enumerate(listed):
        refusal = _judge(gpu, gpu.board in read_boards, place in seconds)
        if refusal is not None:
            refusals.append((gpu, refusal))
            continue
        read.append(gpu)
        if gpu.board:
            read_boards.add(gpu.board)
    return Judgement(tuple(read), tuple(refusals))


def _judge(gpu: ListedGpu, is_partition: bool, is_second_die: bool) -> Refusal | None:
    if gpu.is_integrated:
        return part_of_another(gpu.source, IN_PROCESSOR)
    if is_partition:
        return part_of_another(gpu.source, _PARTITION)
    if is_second_die:
        return part_of_another(gpu.source, _SECOND_DIE)
    reasons = [value.reason for value in gpu.seen if isinstance(value, Failure)]
    is_lone_die = gpu.is_silent and (gpu.chip.has_two_dies or gpu.is_called_second_die)
    if len(reasons) < len(gpu.seen) and not is_lone_die:
        return None
    cause = "; ".join(dict.fromkeys(reasons)) or NOT_SHOWN
    reason = f"{cause}; {_NO_FIRST_DIE}" if gpu.is_called_second_die else cause
    return refused(gpu.source, reason, gpu.channel)


def _second_dies(listed: Sequence[ListedGpu]) -> set[int]:
    """The places of silent dies that lie beside a first die on the bus, each die in one pair."""
    dies = [p for p, gpu in enumerate(listed) if gpu.chip.has_two_dies and not gpu.is_integrated]
    if all(listed[place].address for place in dies):
        dies.sort(key=lambda place: listed[place].address)
    paired: set[int] = set()
    for index, place in enumerate(dies):
        if not listed[place].is_silent:
            continue
        beside = (*dies[max(index - 1, 0) : index], *dies[index + 1 : index + 2])
        first = next((p for p in beside if not listed[p].is_silent and p not in paired), None)
        if first is not None:
            paired |= {first, place}
    return {place for place in paired if listed[place].is_silent}
