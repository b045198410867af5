"""`python testapps/foreign/build.py NAME...`: the images of programs that are not ours, under the names of their manifests."""

from __future__ import annotations

import sys

from harness.adapters.engine import Engine
from harness.adapters.files import State
from harness.cli.showing import progress_of
from harness.errors import HarnessError
from harness.images.foreign import PROGRAMS, make_foreign


def main(names: list[str]) -> int:
    """Each of these programs; all of them where none is named."""
    state = State.default()
    engine, progress = Engine.detect(state), progress_of(state)
    try:
        for name in names or PROGRAMS:
            progress.say(f"{name}: {make_foreign(name, engine=engine, state=state, progress=progress)}")
    except HarnessError as error:
        sys.stderr.write(f"{error}\n")
        return int(error.exit_code)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
