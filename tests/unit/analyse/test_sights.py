"""What a cycle's index is filled with."""

from __future__ import annotations

from harness.analyse.sights import Sights
from harness.history.layout import Table
from harness.history.tables import frame
from harness.model import CycleMark, Stream

KEPT = (
    (Stream.KUBELET, '"Killing container with a grace period" pod="ns/p" containerName="user-container"'),
    (
        Stream.KUBELET,
        '"Message for Container of pod" containerStatusID={} message="Container user-container failed liveness probe"',
    ),
    (Stream.CONTAINERD, 'level=info msg="StopContainer for \\"abc\\" with timeout 300 (s)"'),
    (Stream.CONTAINERD, 'level=info msg="Stop container \\"abc\\" with signal terminated"'),
    (Stream.APP, '{"t_ns":1,"event":"boot","boot":"b"}'),
)
LEFT_OUT = (
    (Stream.KUBELET, '"SyncLoop (PLEG): event for pod" pod="ns/p"'),
    (Stream.CONTAINERD, 'level=info msg="ExecSync for \\"abc\\" with command [/probe] and timeout 1 (s)"'),
    (Stream.QUEUE_PROXY, '{"severity":"error","error":"EOF"}'),
)


def test_of_the_journals_only_kills_and_acts_are_kept() -> None:
    """In the order seen, whatever else the node says in between."""
    given = [
        {"stream": stream.value, "pod": "p", "container": "c", "at_ns": 20, "resolution_ns": 1, "seen_ns": 20, "payload": payload}
        for pair in zip(KEPT, (*LEFT_OUT, *LEFT_OUT), strict=False)
        for stream, payload in pair
    ]
    mark = CycleMark(0, "p", "b", 10, 11, 12, 13, 14, 30)
    seen = Sights(frame(Table.OBSERVATIONS, given)).of(mark, 30)
    assert [(one.stream, one.payload) for one in seen] == list(KEPT)
