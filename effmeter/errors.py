"""Every error that effmeter raises on purpose, as one small tree.

::

    EffmeterError
    ├── UsageError            a call or option that cannot mean anything (exit status 2)
    │   └── UnfitError        a method, model or data set that does not fit the others
    ├── RunFileError          a run file cannot be opened, read or created (exit status 1)
    │   ├── NotARunError      the file is no effmeter run
    │   └── NewerFormatError  the run was written by a newer effmeter
    ├── RecorderError         the recorder cannot be reached, or refuses
    ├── ProbeError            a sensor cannot be used at all
    ├── MeasurementError      an energy that was asked for is not known
    ├── TableError            a table of measurements made elsewhere cannot be read
    ├── LogError              a log of another instrument cannot be imported
    └── DataSetError          the files of a data set are damaged, or hold something else

Nothing below the command line prints these as tracebacks: a user's mistake is one clear line.
Their texts quote paths and files, so that ``str`` escapes what is no visible character.
"""

from effmeter.escaping import printable


class EffmeterError(Exception):
    """Base of the tree; its text is one line that names the remedy where there is one."""

    exit_status = 1

    def __str__(self) -> str:
        return printable(super().__str__())


class UsageError(EffmeterError):
    """An argument that cannot mean anything: a budget without a unit, an unknown criterion."""

    exit_status = 2


class UnfitError(UsageError):
    """A method, model or data set that does not fit the others."""


class RunFileError(EffmeterError):
    """A run file cannot be opened, read or created."""


class NotARunError(RunFileError):
    """The file is not a run that effmeter recorded."""


class NewerFormatError(RunFileError):
    """The run's format is newer than this effmeter reads."""


class RecorderError(EffmeterError):
    """The recorder cannot be started or reached, or refuses what was asked of it."""


class ProbeError(EffmeterError):
    """A family of sensors cannot be used; the text gives the reason."""


class MeasurementError(EffmeterError):
    """An energy was asked for that nothing on this machine measures."""


class TableError(EffmeterError):
    """A table of measurements made elsewhere cannot be read; the text names file and line."""


class LogError(EffmeterError):
    """A log of another instrument cannot be imported; the text names file and line."""


class DataSetError(EffmeterError):
    """The files of a data set are damaged, or hold something else; the text names the file."""


class EffmeterWarning(UserWarning):
    """Something could not be measured; training goes on and the run file says what is missing."""

    def __str__(self) -> str:
        return printable(super().__str__())
