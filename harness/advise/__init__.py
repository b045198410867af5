"""Which measured risks a Knative Service runs, how long a restart refuses requests, and the smallest change that helps. Pure.

`advice` (advising.py) is the whole of it: a manifest as plain values in, an `Advice` out. The constants of the window model stand
in model.toml, what was measured of each scenario in measured.toml (docs/advise.md).
"""

from harness.advise.advising import advice
from harness.advise.case import Load
from harness.advise.shape import Advice

__all__ = ["Advice", "Load", "advice"]
