"""Times training steps of a network as it is or pruned, and what memory they take; prints JSON."""

import json
import resource
import statistics
import sys
import time

import psutil
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from effmeter.lab.workloads.models.catalogue import parse_model
from effmeter.lab.workloads.models.entry import Images
from effmeter.lab.workloads.training import choose_device
from effmeter.methods.method import Batch, Dense, Method
from effmeter.methods.registry import parse_method

FEW_ROWS = 2
"""Of the steps in which the network is pruned, which must not set the peak of memory."""
IN_KIB = 1024 if sys.platform == "linux" else 1


def noise(rows: int, device: torch.device) -> Batch:
    """Images that nothing can be learned from."""
    images = torch.randn(rows, 3, 32, 32, device=device)
    return Batch(images, torch.randint(10, (rows,), device=device))


def time_step(
    model: nn.Module, optimizer: torch.optim.Optimizer, method: Method, offered: Batch
) -> int:
    """Nanoseconds of one step."""
    wait_for(offered.inputs.device)
    began_ns = time.perf_counter_ns()
    batch = method.begin_step(offered)
    assert batch is not None, "pruning trains on every batch"
    optimizer.zero_grad()
    cross_entropy(model(batch.inputs), batch.targets).backward()
    optimizer.step()
    wait_for(offered.inputs.device)
    return time.perf_counter_ns() - began_ns


def wait_for(device: torch.device) -> None:
    """Until the device has done what was asked of it."""
    if device.type != "cpu":
        torch.accelerator.synchronize()


def load_libraries(device: torch.device) -> None:
    """What PyTorch loads at the first step belongs to no network."""
    model = nn.Sequential(
        nn.Conv2d(3, 4, 32), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4, 10)
    ).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    with Dense().attach(model, optimizer) as method:
        time_step(model, optimizer, method, noise(FEW_ROWS, device))


def memory_bytes(device: torch.device, *, peak: bool) -> int:
    """What is held now, or was at most: on CUDA of its memory, else of the process."""
    if device.type == "cuda":
        held = torch.cuda.max_memory_allocated if peak else torch.cuda.memory_allocated
        return int(held(device))
    if peak:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * IN_KIB
    return psutil.Process().memory_info().rss


def main() -> None:
    """``{"model", "batch", "method", "steps"}``; prints time, memory, weights and work."""
    settings = json.loads(sys.argv[1])
    torch.manual_seed(0)
    device = choose_device("auto")
    load_libraries(device)
    before_bytes = memory_bytes(device, peak=False)
    known, options = parse_model(settings["model"])
    model = known.build(Images(), options).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    method = parse_method(settings["method"])
    with method.attach(model, optimizer):
        for _ in range(2):
            time_step(model, optimizer, method, noise(FEW_ROWS, device))
        batch, pruned = noise(settings["batch"], device), method.work()
        times_ns = [time_step(model, optimizer, method, batch) for _ in range(settings["steps"])]
        done = method.work() - pruned
    results = {
        "step_ns": statistics.median(times_ns[1:]),
        "peak_bytes": memory_bytes(device, peak=True) - before_bytes,
        "weights": sum(parameter.numel() for parameter in model.parameters()),
        "flops": done.executed.total / settings["steps"],
        "device": f"on {device}, {torch.get_num_threads()} threads",
    }
    print(json.dumps(results))


if __name__ == "__main__":
    main()
