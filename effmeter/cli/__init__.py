"""The command line: one module per command, each loaded when it is called."""

import importlib
import io
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import click

from effmeter import __version__
from effmeter.cli.group import CommandGroup
from effmeter.cli.output import say
from effmeter.errors import EffmeterError, EffmeterWarning
from effmeter.runfile.loading import keep_unneeded_out

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_COMMANDS = {
    "calibrate": ("effmeter.cli.calibrate", "Fit a sensor's gain and offset beside a meter."),
    "compact": ("effmeter.cli.compact", "Write recordings again, smaller and faster to read."),
    "daemon": ("effmeter.cli.daemon", "Run, inspect or stop the shared recorder."),
    "doctor": ("effmeter.cli.doctor", "List the sensors of this machine and how to enable more."),
    "idle": ("effmeter.cli.idle", "Measure the power of the idle machine."),
    "import": ("effmeter.cli.importing", "Turn logs of other instruments into run files."),
    "report": ("effmeter.cli.report", "Print the energy, metrics and efficiency of runs."),
    "run": ("effmeter.cli.run", "Record a command in any language."),
}
"""For each command: the module whose ``command`` it is, and one line of help."""
_PLUGIN_GROUP = "effmeter.commands"
"""The group of entry points whose values are mappings of the same form."""


class _LazyCommands(CommandGroup):
    """Lists commands without importing their modules, which may load torch."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands in alphabetical order."""
        return sorted({**_plugin_commands(), **_COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None. The plug-ins load only for a name that is new."""
        if cmd_name in _COMMANDS:
            return _load(_COMMANDS[cmd_name][0])
        plugins = _plugin_commands()
        if cmd_name not in plugins:
            return None
        try:
            return _load(plugins[cmd_name][0])
        except ImportError as error:
            raise EffmeterError(f"{cmd_name} cannot be loaded: {error}") from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the section that lists the commands."""
        commands = {**_plugin_commands(), **_COMMANDS}
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in sorted(commands.items())])


def _load(module_name: str) -> click.Command:
    command = importlib.import_module(module_name).command
    assert isinstance(command, click.Command)
    return command


def _plugin_commands() -> dict[str, tuple[str, str]]:
    """The commands of installed packages; one that is broken costs a warning, nothing else."""
    from importlib.metadata import entry_points  # half of the time in which a command starts

    found: dict[str, tuple[str, str]] = {}
    for plugin in entry_points(group=_PLUGIN_GROUP):
        try:
            found.update(_entries(plugin))
        except Exception as error:
            warnings.warn(_broken(plugin, error), EffmeterWarning, stacklevel=1)
    return found


def _entries(plugin: "EntryPoint") -> Iterator[tuple[str, tuple[str, str]]]:
    commands = plugin.load()
    if not isinstance(commands, Mapping):
        raise TypeError(f"{plugin.value} is not a mapping of commands")
    for name, (module_name, text) in commands.items():
        yield str(name), (str(module_name), str(text))


def _broken(plugin: "EntryPoint", error: Exception) -> str:
    package = plugin.name if plugin.dist is None else plugin.dist.name
    reason = " ".join(str(error).split()) or type(error).__name__
    return f"the commands of {package} cannot be loaded: {reason}: upgrade or uninstall it"


@click.group(cls=_LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="effmeter")
def effmeter() -> None:
    """Measure the energy that training costs and relate it to what the model learned.

    Results go to stdout, diagnostics to stderr. Exit status: 0 success, 1 failure, 2 usage.
    """


def main() -> None:
    """Entry point of the program ``effmeter``."""
    warnings.showwarning = _show_on_one_line
    if sys.argv[1:] and sys.argv[1] in _COMMANDS:  # those of other packages may need pandas
        keep_unneeded_out()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A character that the terminal's encoding lacks is no reason to print nothing.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        effmeter()
    except (KeyboardInterrupt, click.Abort):
        say("interrupted")
        sys.exit(130)
    except BrokenPipeError:
        # The reader of the pipe is gone. The interpreter would complain when it flushes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _show_on_one_line(
    message: Warning | str, category: type[Warning], *_args: object, **_kwargs: object
) -> None:
    kind = "" if issubclass(category, EffmeterWarning) else f" ({category.__name__})"
    say(f"warning{kind}: {message}")
