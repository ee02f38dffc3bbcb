"""Times training steps, dense and with methods in turn, and counts their work."""

import json
import sys
import time
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from effmeter.lab.workloads.models.catalogue import parse_model
from effmeter.lab.workloads.models.entry import Images
from effmeter.lab.workloads.training import choose_device
from effmeter.methods.flops.work import NO_FLOPS, Flops, Work
from effmeter.methods.method import Batch, Dense, Method
from effmeter.methods.registry import parse_method

Times = dict[str, float]


class Bench:
    """One network with its optimizer and one batch of noise."""

    def __init__(self, model: str, rows: int) -> None:
        torch.manual_seed(0)
        self.device = choose_device("auto")
        self.model = _built(model).to(self.device)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=1e-3, momentum=0.9)
        inputs = torch.randn(rows, 3, 32, 32, device=self.device)
        targets = torch.randint(10, (rows,), device=self.device)
        self.batch = Batch(inputs, targets, torch.arange(rows))

    def dense_turn(self, steps: int) -> Times:
        """The time (ns) of so many steps without any method."""
        return _sum([self._step(self.batch, None) for _ in range(steps)])

    def turn(self, method: Method, steps: int) -> Times:
        """The time (ns) of so many steps with a method, which is attached for them."""
        with method.attach(self.model, self.optimizer):
            method.begin_epoch(0, 1)
            return _sum([self._attached_step(method) for _ in range(steps)])

    def counted_turn(self, method: Method, steps: int) -> tuple[Times, Work]:
        """The same, with the work of these steps."""
        taken = self.turn(method, steps)
        return taken, method.work()

    def _attached_step(self, method: Method) -> Times:
        began_ns = self._now_ns()
        batch = method.begin_step(self.batch)
        spent_ns = self._now_ns() - began_ns
        taken = self._step(batch, method)
        return {**taken, "step": taken["step"] + spent_ns}

    def _step(self, batch: Batch | None, method: Method | None) -> Times:
        if batch is None:
            return {"step": 0.0, "forward": 0.0, "backward": 0.0}
        began_ns = self._now_ns()
        self.optimizer.zero_grad()
        loss: Tensor = cross_entropy(self.model(batch.inputs), batch.targets) * batch.weight
        forward_ns = self._now_ns()
        loss.backward()
        if method is not None:
            method.after_backward(loss)
        backward_ns = self._now_ns()
        self.optimizer.step()
        return {
            "step": self._now_ns() - began_ns,
            "forward": forward_ns - began_ns,
            "backward": backward_ns - forward_ns,
        }

    def _now_ns(self) -> int:
        if self.device.type != "cpu":
            torch.accelerator.synchronize()
        return time.perf_counter_ns()


def _built(model: str) -> nn.Module:
    """A model of the catalogue, or the perceptron, which has hidden units."""
    if model != "perceptron":
        known, options = parse_model(model)
        return known.build(Images(), options)
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(3072, 2048),
        nn.ReLU(),
        nn.Linear(2048, 2048),
        nn.ReLU(),
        nn.Linear(2048, 10),
    )


def _sum(steps: list[Times]) -> Times:
    return {part: sum(step[part] for step in steps) for part in steps[0]}


def _skip_from_now_on(method: Method, fraction: float) -> None:
    """As if a layer that far from the input had qualified, for a skip that lasts."""
    state = method.state_dict()
    order = state["order"]
    state["skip_to"], state["skips_left"] = order[int(fraction * len(order))], sys.maxsize
    method.load_state_dict(state)


def _gflops(flops: Flops) -> dict[str, float]:
    return {
        "step": flops.total * 1e-9,
        "forward": flops.forward * 1e-9,
        "backward": flops.backward * 1e-9,
    }


def main() -> None:
    """``{"model", "batch", "entries", "rounds"}``; prints times and work of each entry."""
    settings = json.loads(sys.argv[1])
    bench = Bench(settings["model"], settings["batch"])
    entries = settings["entries"]
    methods = [parse_method(entry["method"]) for entry in entries]
    dense_work = bench.counted_turn(Dense(), 1)[1].executed
    for entry, method in zip(entries, methods, strict=True):
        bench.turn(method, entry["warm_up"])
        if entry["skipped_layers_fraction"]:
            _skip_from_now_on(method, entry["skipped_layers_fraction"])
    results: list[dict[str, Any]] = [{"rounds": []} for _ in entries]
    executed = [NO_FLOPS for _ in entries]
    for number in range(settings["rounds"]):
        places = range(len(entries)) if number % 2 else reversed(range(len(entries)))
        for place in places:
            steps = entries[place]["steps"]
            dense = bench.dense_turn(steps)
            taken, work = bench.counted_turn(methods[place], steps)
            results[place]["rounds"].append({"dense": dense, "method": taken})
            executed[place] += work.executed * (1.0 / settings["rounds"])
    for one, work_of_one, entry in zip(results, executed, entries, strict=True):
        dense_of_turn = _gflops(dense_work * entry["steps"])
        one["gflops"] = {"executed": _gflops(work_of_one), "dense": dense_of_turn}
    device = f"on {bench.device}, {torch.get_num_threads()} threads"
    print(json.dumps({"device": device, "methods": results}))


if __name__ == "__main__":
    main()
