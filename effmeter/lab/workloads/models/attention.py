"""Self-attention between the pixels of an image."""

from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from effmeter.methods.flops import cost


class DotProducts(nn.Module):
    """Attended values (B, C, T) from queries, keys and values stacked (B, 3 C, T).

    It has no weights; it is a module of its own so that its work can be counted.
    """

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads = heads

    def forward(self, stacked: Tensor) -> Tensor:
        """Softmax-weighted values of every position, head by head."""
        rows, width, positions = stacked.shape
        by_head = stacked.view(rows, self.heads, -1, positions).transpose(2, 3)
        queries, keys, values = by_head.chunk(3, dim=3)
        attended = scaled_dot_product_attention(queries, keys, values)
        return attended.transpose(2, 3).reshape(rows, width // 3, positions)


def _cost(_products: DotProducts, output: Tensor, widening: cost.Widening) -> cost.CallCost:
    """Two products, 4 T T C operations for T positions of C channels, and twice that backward."""
    operations = 4.0 * output.shape[-1]
    return cost.elementwise_cost(operations, 2.0 * operations, output, widening)


cost.register(DotProducts, "attention", _cost)


class SelfAttention(nn.Module):
    """Features (B, C, H, W) and what they attend to, added.

    Source: Nichol and Dhariwal, Improved denoising diffusion probabilistic models: group norm,
    1-D convolutions of width 1 to and from queries, keys and values; the last starts at zero.
    """

    def __init__(self, channels: int, heads: int, groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels)
        self.stack = nn.Conv1d(channels, 3 * channels, 1)
        self.products = DotProducts(heads)
        self.project = nn.Conv1d(channels, channels, 1)
        for parameter in self.project.parameters():
            nn.init.zeros_(parameter)

    def forward(self, features: Tensor) -> Tensor:
        """Of the same shape."""
        positions = self.norm(features.flatten(2))
        attended: Tensor = self.project(self.products(self.stack(positions)))
        return features + attended.view_as(features)
