"""The command line: parse, call the API, print. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with 0 (done), 1 (failed) or 2 (wrong usage)."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status; every failure is one line on standard error."""
    from anygram.cli.app import app
    from anygram.errors import AnygramError, UsageError

    debug = "--debug" in arguments
    words = [word for word in arguments if word != "--debug"]
    try:
        status = app(words, prog_name="anygram", standalone_mode=False)
    except UsageError as error:
        return _failed(error, 2, debug)
    except AnygramError as error:
        return _failed(error, 1, debug)
    except KeyboardInterrupt:
        print("stopped; what was trained so far is kept, --resume goes on with it", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # the reader of our output has left (`| head`): say no more, not even at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except MemoryError:
        print("out of memory; give a smaller size or less data", file=sys.stderr)
        return 1
    except Exception as error:
        return _unexpected(error, debug)
    return status if isinstance(status, int) else 0


def _failed(error: Exception, status: int, debug: bool) -> int:
    if debug:
        raise error
    print(f"anygram: {error}", file=sys.stderr)
    return status


def _unexpected(error: Exception, debug: bool) -> int:
    """Show what the command line library says of a wrong call; report any other failure in one line."""
    show = getattr(error, "show", None)
    if show is not None:
        show(file=sys.stderr)
        return int(getattr(error, "exit_code", 2))
    if debug:
        raise error
    print(f"anygram: {type(error).__name__}: {error}; --debug shows where", file=sys.stderr)
    return 1
