"""Which release a Serving without tags is of: each minor release pins another commit of `knative.dev/networking`."""

from __future__ import annotations

NETWORKING = "knative.dev/networking"

NETWORKING_OF = {
    "acdfd41c575c": "v0.25.0",
    "8c71a2708e7d": "v0.27.0",
    "8ef631418fc0": "v0.28.0",
    "ec785540a732": "v0.29.0",
    "e8b2eb995165": "v0.30.0",
    "1145ec58c8be": "v0.31.0",
    "22d1b933cf73": "v0.32.0",
    "f087178076e4": "v0.33.0",
    "e51df7cdf571": "v0.34.0",
    "75dcd54d9510": "v0.38.0",
    "2a7676e912b7": "v0.39.0",
    "ce0738abf051": "v0.40.0",
    "979f63728302": "v0.41.0",
    "bab7f2a3e556": "v0.42.0",
    "60e29ff520dc": "v0.43.0",
    "67d1c274ba6a": "v0.44.0",
    "6268d931d247": "v0.45.0",
    "edb1a4a0c863": "v0.46.0",
    "7dad473f6351": "v0.46.6",
    "0bde19154dce": "v0.47.0",
    "4115314567bb": "v0.47.1",
    "a7cdca238a0d": "v0.48.0",
    "e9578ef11562": "v0.49.0",
    "c8de379770b9": "v0.49.1",
    "c7a7b772cac9": "v0.50.0",
}
"""By the commit in networking's pseudo-version, the first release whose go.mod requires it. Patch releases that pin the same commit
as the release before them are not told apart. Read from the go.mod files of the Go modules on 2026-11-27."""
