"""The command line: parse, call the API, print. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

from anygram.allocation import keep_freed

_OBJECTS_PER_COLLECTION = 10_000
"""Python's 700 has it search all that was imported, which stays, again and again."""
_KEPT_BYTES = 4 << 20
_WRONG_USAGE = 2
_SECONDS_TO_SPEAK = 1.0
"""How long the first of several processes gets to say what is wrong for all of them."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with 0 (done), 1 (failed) or 2 (wrong usage)."""
    gc.set_threshold(_OBJECTS_PER_COLLECTION)
    keep_freed(_KEPT_BYTES, 4 * _KEPT_BYTES)
    for name in ("SIGTERM", "SIGHUP"):  # asked to stop, we tidy up as for Ctrl-C
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal may not know every character
    status = run(sys.argv[1:] if arguments is None else arguments)
    gc.freeze()  # what is left need not be searched for garbage once more: it ends with the process
    sys.exit(status)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status; every failure is one line on standard error."""
    from anygram.errors import AnygramError, UsageError

    debug = "--debug" in arguments
    try:
        return _invoke([word for word in arguments if word != "--debug"] or ["--help"])
    except KeyboardInterrupt as stopped:
        return _say(f"stopped; {str(stopped) or 'nothing was written'}", 1)
    except BrokenPipeError:  # the reader of our output has left (`| head`): no failure to talk about
        _drop_output()
        return 1
    except Exception as error:
        if debug:
            raise
        if isinstance(error, AnygramError):
            return _say(str(error), _WRONG_USAGE if isinstance(error, UsageError) else 1)
        if isinstance(error, MemoryError):
            return _say("out of memory; give a smaller size or less data", 1)
        if isinstance(error, OSError):
            _drop_output()  # it may be what failed, and would fail again at exit
        return _say(f"{type(error).__name__}: {error}; --debug shows where", 1)


def _invoke(words: Sequence[str]) -> int:
    """Run the command that the words name; what the parser refuses is a UsageError."""
    import typer

    from anygram.cli.app import app
    from anygram.errors import UsageError

    command = typer.main.get_command(app)
    try:
        # not `app(...)`: it has an exit status of its own for Ctrl-C
        with command.make_context("anygram", list(words)) as context:
            command.invoke(context)
    except typer.Exit as done:
        return int(done.exit_code)
    except Exception as error:
        parser_says = getattr(error, "format_message", None)
        if parser_says is None:
            raise
        path = getattr(getattr(error, "ctx", None), "command_path", "anygram")
        raise UsageError(f"{parser_says().rstrip('.')}; see {path} --help") from error
    print(end="", flush=True)
    return 0


def _say(reason: str, status: int) -> int:
    from anygram.processes import find_place

    place = find_place()
    if not place.leads and status == _WRONG_USAGE:
        with suppress(KeyboardInterrupt):  # when one process leaves, torchrun stops the others
            time.sleep(_SECONDS_TO_SPEAK)
        return status
    who = "anygram" if place.leads else f"anygram, process {place.rank}"
    print(f"{who}: {' '.join(reason.split())}", file=sys.stderr)
    return status


def _drop_output() -> None:
    """Let nothing more be written to standard output, not even at exit."""
    output = sys.__stdout__
    if output is not None and output is sys.stdout:  # not what a test or a notebook put there
        os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())
