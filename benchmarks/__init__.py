"""What measuring costs: ``python -m benchmarks`` compares effmeter with the least that could do.

One module per benchmark measures and knows nothing of printing; ``figures`` holds what they
found, ``tables`` shows it. What runs in a process of its own lies in ``programs``.
"""
