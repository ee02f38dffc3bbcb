"""A training function of one's own, in any framework, analysed by the efficiency framework."""

import sys

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import effmeter

images, digits = load_digits(return_X_y=True)
x, x_test, y, y_test = train_test_split(images / 16, digits, stratify=digits, random_state=0)


def train(size: int, seed: int, epochs: int) -> None:
    """Train a network of one hidden layer, ``size`` times 16 units wide."""
    model = MLPClassifier(hidden_layer_sizes=(16 * size,), random_state=seed)
    with effmeter.track(
        f"mlp-{size}-seed-{seed}",
        labels={"architecture": "mlp", "dataset": "digits", "size": size, "seed": seed},
    ) as run:
        for epoch in run.epochs(stop=[effmeter.MaxEpochs(epochs)]):
            model.partial_fit(x, y, classes=range(10))
            epoch.log(train_accuracy=model.score(x, y), accuracy=model.score(x_test, y_test))


for size in (1, 2, 3):
    for seed in (0, 1):
        train(size, seed, epochs=int(sys.argv[1]) if sys.argv[1:] else 50)
