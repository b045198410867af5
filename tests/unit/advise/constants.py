"""Constants of the window model that stay as they are, whatever a fit writes into model.toml."""

from __future__ import annotations

from harness.advise.data import Constant, Model

SOURCE = "a test"
RANGES = Model(
    name="ranges",
    decision=Constant(0, 0.1, SOURCE),
    pre_stop=Constant(1.0, 1.15, SOURCE),
    restart=Constant(0.15, 0.7, SOURCE),
    propagation=Constant(0, 0.1, SOURCE),
    restart_noticed=Constant(0.5, 1.8, SOURCE),
    back=Constant(0.1, 0.5, SOURCE),
)
