"""The laboratory's commands, which the command line finds by entry point."""

COMMANDS = {
    "flops": ("effmeter.lab.cli.flops", "Count the operations of a training iteration."),
    "reproduce": (
        "effmeter.lab.cli.reproduce",
        "Repeat a published study and print its tables.",
    ),
    "sweep": ("effmeter.lab.cli.sweep", "Train a grid of workloads and record every run."),
}
"""For each command: the module whose ``command`` it is, and one line of help."""
