"""Watches pods, EndpointSlices, events, logs, journals and the clock -> Observation, Gap. May touch adapters; knows no other stage.

    Observers ─┬─ Watch (pods, endpointslices, events)      list + watch, resumed at the last version
               ├─ LogFollower (queue-proxy, user-container,  resumed at the last line, read back after a restart
               │               every activator)
               ├─ Journal (kubelet, containerd)              resumed at the last cursor
               ├─ ListenerWitness (each pod's sockets)       sampled on the node, started anew
               └─ ClockWatch                                 UTC beside a clock that nobody sets
                        │
                        └─> Feed (for waits) ─> Sink (the history)

    NodeCpuWatch ─> the history                              how the threads of our node waited for a CPU

Silence is never proof: a stream is whole up to its last line, or up to the moment it was sealed by a second reading. What
cannot be proved becomes a Gap.
"""

from harness.observe.clock import ReadClocks
from harness.observe.feed import Feed
from harness.observe.listeners import EVERY_MS as LISTENERS_EVERY_MS
from harness.observe.nodecpu import NODE_CPU_EVERY_S, NodeCpuWatch
from harness.observe.observers import Observers
from harness.observe.sink import Sink
from harness.observe.source import KubeLogs, LogSource

__all__ = [
    "LISTENERS_EVERY_MS",
    "NODE_CPU_EVERY_S",
    "Feed",
    "KubeLogs",
    "LogSource",
    "NodeCpuWatch",
    "Observers",
    "ReadClocks",
    "Sink",
]
