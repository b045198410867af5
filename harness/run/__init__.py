"""A run, top to bottom: the only room that knows the order of the rooms.

`prepare` (world.py) does 1-3 and is idempotent. `measure` (session.py) does 4-15 under a host-wide lock; 5-10 are those of a cycle
(cycle.py). `analyse_again` (analysis.py) does 12-14. `compare` (experiment.py) does 4-15 for several arms in turn (blocks.py),
`compare_builds` (diff.py) 1-15 for two builds that change clusters.

 1 check the host              9 stop the load                 } within each cycle: a generator process of its own a cycle keeps
 2 cluster                    10 seal and drain the observers  } the making of the next pod outside every measured window
 3 Knative                    11 close the history
 4 deploy, wait until a       12 analyse
   request is served          13 judge
 5 start the observers,       14 report
   prove each sees something, 15 give back what was taken, whatever happened; `down` does it later from the
   wait for a calm machine       names on the host alone
 6 start the load
 7 prove the steady state
 8 inject at a random phase of the probe period, wait for the proof that it landed, wait for recovery

Steps 5-10 repeat for each cycle on a fresh pod (restartCount 0); with slots (slots.py) for each round of cycles that are measured
at the same time (rounds.py). Nothing here decides what a run means: 12 and 13 are pure, and
`analyse_again` gives the same findings from the files alone.
"""

from harness.run.analysis import Run, analyse_again
from harness.run.cycle import Planted
from harness.run.diff import DiffAsk, Pair, compare_builds, require_diff
from harness.run.experiment import Compared, Side, analyse_experiment, compare, require_comparable, worlds
from harness.run.installed import Installed
from harness.run.installed import read as installed_before
from harness.run.session import faults_of, measure, require_runnable, with_request_log
from harness.run.world import MEASURE_LOCK, Ask, World, asked_build, asked_version, prepare, set_queue_proxy

__all__ = [
    "MEASURE_LOCK",
    "Ask",
    "Compared",
    "DiffAsk",
    "Installed",
    "Pair",
    "Planted",
    "Run",
    "Side",
    "World",
    "analyse_again",
    "analyse_experiment",
    "asked_build",
    "asked_version",
    "compare",
    "compare_builds",
    "faults_of",
    "installed_before",
    "measure",
    "prepare",
    "require_comparable",
    "require_diff",
    "require_runnable",
    "set_queue_proxy",
    "with_request_log",
    "worlds",
]
