"""The work of a training iteration of a model of the catalogue, counted without training."""

import torch

from effmeter.lab.workloads.models.catalogue import parse_model
from effmeter.lab.workloads.models.entry import Images
from effmeter.methods.flops.counter import work_per_iteration
from effmeter.methods.flops.work import Work
from effmeter.methods.method import Method


def work_of(
    model: str,
    images: Images,
    batch: int,
    method: Method | None = None,
    epochs: int | None = None,
) -> Work:
    """``work_per_iteration`` of a model named by a text such as ``resnet50:dropout=0.4``.

    The model lies on torch's meta device, where nothing is computed. UsageError for a model or an
    option that does not exist, and for a method whose work follows from the data; RuntimeError of
    PyTorch for images that are too small for the layers.
    """
    entry, options = parse_model(model)
    with torch.device("meta"):
        network = entry.build(images, options)
        inputs = [torch.zeros(batch, images.channels, images.height, images.width)]
        if entry.task == "denoising":
            inputs.append(torch.zeros(batch))
    return work_per_iteration(network, *inputs, method=method, epochs=epochs)
