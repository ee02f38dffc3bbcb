"""Methods that approximate or sparsify the backward pass."""
