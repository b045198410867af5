"""Puts a fault into the app and brings back its answer -> FaultEvent. May touch adapters; knows no other stage.

inject(handle, target, spec, cycle=...)   once, never again by itself; the bracket of the moment it took effect
clear(handle, target), state(handle, target)
random_phase(period_s, rng)               when, within the probe period
outsider.send(target)                     a request of nobody's, for tests of the ledger
"""

from harness.fault.control import AppState, clear, state
from harness.fault.injection import inject
from harness.fault.phase import random_phase

__all__ = ["AppState", "clear", "inject", "random_phase", "state"]
