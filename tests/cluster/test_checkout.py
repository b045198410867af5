"""A queue-proxy of the user's own on a real cluster: a fix helps, a planted regression hurts, and the cluster stays as it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.adapters.documents import Obj
from harness.adapters.files import State
from harness.adapters.gomod import module_above
from harness.adapters.kube import Kube
from harness.adapters.objects import Objects
from harness.adapters.process import run as run_program
from harness.adapters.progress import Progress
from harness.catalogue import S1, broken, holds, within
from harness.errors import ImageError
from harness.history import read_meta
from harness.images import trees
from harness.images.bench import Shelf
from harness.install.queue_proxy import CACHED, CONFIG, wanted_image
from harness.model import Claim
from harness.run import Ask, Run, World, asked_build, measure, prepare

pytestmark = pytest.mark.cluster

OWN = Path(__file__).parents[2] / "testapps" / "queue-proxies"
HELD = (
    holds("ready-pod-is-not-refused"),
    within("failed-requests", 0, 3, "one in flight at the end of the process is not repeated"),
)
"""None is refused. Of 7 cycles one had a request that was reset in flight, which no transport may repeat."""

Measure = Callable[..., Run]


def named(world: World) -> tuple[Obj | None, Obj | None]:
    """Both objects that name queue-proxy's image, without what the API server counts."""
    objects = Objects(Kube.of(world.handle))
    found = []
    for ref in (CONFIG.ref, CACHED.ref):
        seen = objects.get(ref)
        for key in ("resourceVersion", "managedFields", "generation"):
            (seen or {}).get("metadata", {}).pop(key, None)
        found.append(seen)
    return found[0], found[1]


@pytest.fixture
def measured(world: World, kn_ask: Ask, kn_progress: Progress, tmp_path: Path) -> Measure:
    """`measured(NAME, claims)`: one cycle of S1 on the queue-proxy of testapps/queue-proxies/NAME, on the session's cluster."""

    def one(name: str, *claims: Claim) -> Run:
        text = f"{world.stack.stack.knative},queue-proxy=path:{OWN / name}"
        other = prepare(replace(kn_ask, build=asked_build(text), recreate=False), state=world.state, progress=kn_progress)
        scenario = replace(S1, name=f"s1-{name}", cycles=1, claims=claims)
        return measure(scenario, other, artifacts=tmp_path, seed=1)

    return one


def test_a_fix_is_proved_and_the_cluster_is_as_before(world: World, measured: Measure) -> None:
    """Requests are held while nobody listens: none is refused, and the run's stack says which queue-proxy that was."""
    before = named(world)
    run = measured("holding", *HELD, holds("container-restarts-once"))
    run.expect_pass()
    meta = read_meta(run.directory)
    assert meta.stack is not None
    (image,) = {change.now for change in meta.stack.changes if change.what == "queue-sidecar-image"}
    assert "/queue-proxy:" in image
    assert f'"{image}"' in meta.pod_spec
    assert "queue-proxy holding: " in meta.versions["knative"]
    assert meta.stack.id != world.stack.stack.id
    assert named(world) == before


def test_the_transport_that_the_fix_wraps_reads_nothing_of_a_refused_request(kn_progress: Progress, tmp_path: Path) -> None:
    """The fix rests on it, with Serving's own transport: the Go tests beside the fix. The other ones need Go's packages alone."""
    shelf, place = Shelf(state=State.default(), progress=kn_progress), OWN / "holding"
    module = module_above(place)
    assert module is not None
    command = [str(shelf.go.binary), "test", *trees._flags(shelf, module, tmp_path), "./holding"]
    done = run_program(command, cwd=OWN, env=shelf.go.env(), timeout_s=600, check=False)
    assert done.returncode == 0 and done.stdout.startswith("ok  \t"), done.stdout + done.stderr


def test_a_planted_regression_is_seen(world: World, measured: Measure) -> None:
    """It goes on refusing for a second after the port is open: S1 measures a window of 5.2 to 5.5 s without it.

    What queue-proxy logs then contradicts when the app says it listens, which decides none of these claims.
    """
    before = named(world)
    run = measured(
        "refuse-longer",
        broken("ready-pod-is-not-refused", "knative/serving #14980"),
        holds("container-restarts-once"),
        within("refused-window", 6.0, 7.0, "a second more than S1's"),
    )
    run.expect_pass()
    (cycle,) = run.findings.cycles
    assert any(text.startswith("listening: ") for text in cycle.disputes)
    assert named(world) == before


def test_what_does_not_compile_leaves_the_cluster_alone(world: World, kn_ask: Ask, kn_progress: Progress, tmp_path: Path) -> None:
    """Every line of the compiler, and neither image nor configuration."""
    before = named(world)
    place = tmp_path / "broken"
    place.mkdir()
    (place / "go.mod").write_text((OWN / "go.mod").read_text(encoding="utf-8"), encoding="utf-8")
    (place / "main.go").write_text("package main\n\nfunc main() { one() }\n\nfunc two() int { return `a` }\n", encoding="utf-8")
    build = asked_build(f"{world.stack.stack.knative},queue-proxy=path:{place}")
    with pytest.raises(ImageError) as caught:
        prepare(replace(kn_ask, build=build, recreate=False), state=world.state, progress=kn_progress)
    assert "main.go:3:15: undefined: one" in str(caught.value)
    assert "main.go:5:25: cannot use" in str(caught.value)
    assert named(world) == before


def test_the_stock_queue_proxy_is_measured_right_after_another(world: World, measured: Measure, tmp_path: Path) -> None:
    """Two arms of one cluster: the pods of the second are made with the installed image."""
    stock = wanted_image(Objects(Kube.of(world.handle)))
    measured("holding", *HELD)
    run = measure(replace(S1, name="s1-stock", cycles=1), world, artifacts=tmp_path, seed=1)
    run.expect_pass()
    meta = read_meta(run.directory)
    assert f'"{stock}"' in meta.pod_spec
    assert not [change for change in meta.changes if change.what == "queue-sidecar-image"]
