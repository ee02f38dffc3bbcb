"""How far generated images are from real ones: the Fréchet inception distance, by torchmetrics.

Source: Heusel et al., GANs trained by a two time-scale update rule, Eq 6.
"""

import importlib.util
from pathlib import Path

import torch
from torch import Tensor, nn

from effmeter.errors import UnfitError

INCEPTION_WEIGHTS = "weights-inception-2015-12-05-6726825d.pth"
"""The file of the Inception network that published distances are measured with."""
_INCEPTION_WEIGHTS_URL = (
    f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{INCEPTION_WEIGHTS}"
)
_FEATURES = 2048


def frechet_distance(
    real: Tensor,
    generated: Tensor,
    features: nn.Module | None = None,
    *,
    weights: Path | None = None,
    batch_size: int = 64,
) -> float:
    """The distance between real and generated images, both (N, C, H, W) of -1 to 1, C 1 or 3.

    ``features`` turns float images (B, 3, H, W) of 0 to 1 into (B, D) numbers. None takes the
    Inception network, whose ``weights`` must lie on this machine, by default in torch's cache:
    nothing is downloaded. Only its distances compare with published ones, and only from many more
    images than its 2048 features.

    ModuleNotFoundError without torchmetrics (and torch-fidelity for the Inception network),
    FileNotFoundError without its weights, UnfitError for fewer than two images of a kind.
    """
    if min(len(real), len(generated)) < 2:
        raise UnfitError("fid needs two real and two generated images or more")
    from torchmetrics.image.fid import FrechetInceptionDistance

    if features is None:
        path = inception_weights(weights)
        distance = FrechetInceptionDistance(
            _FEATURES, normalize=True, feature_extractor_weights_path=str(path)
        )
    else:
        shape = (3, *real.shape[2:])
        # It shows a random image to the features, which shall not move the program's draws.
        with torch.random.fork_rng(devices=[]):
            distance = FrechetInceptionDistance(
                features.eval(), normalize=True, input_img_size=shape
            )
    distance.to(real.device)
    for images, is_real in ((real, True), (generated, False)):
        for batch in images.split(batch_size):
            distance.update(coloured(batch), real=is_real)
    return float(distance.compute())


def coloured(images: Tensor) -> Tensor:
    """From -1 to 1 to 0 to 1, grey ones in three equal channels."""
    return ((images + 1.0) / 2.0).clamp(0.0, 1.0).expand(-1, 3, -1, -1)


def inception_weights(given: Path | None = None) -> Path:
    """Where the Inception network's weights lie; errors as ``frechet_distance`` states them."""
    if importlib.util.find_spec("torch_fidelity") is None:
        message = 'the Inception network needs torch-fidelity: pip install "effmeter[fid]"'
        raise ModuleNotFoundError(message, name="torch_fidelity")
    path = given or Path(torch.hub.get_dir(), "checkpoints", INCEPTION_WEIGHTS)
    if not path.is_file():
        raise FileNotFoundError(
            f"the weights of the Inception network are not at {path}: "
            f"put {_INCEPTION_WEIGHTS_URL} there"
        )
    return path
