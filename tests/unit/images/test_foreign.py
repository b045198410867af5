"""The programs that are not ours: each is planned without a registry, and its manifest is one that the harness takes."""

from __future__ import annotations

import pytest

from harness.apps.foreign import FOREIGN
from harness.apps.known import app_of
from harness.deploy import images_of, spec_of, workload_of
from harness.errors import BadInput
from harness.images import foreign
from harness.images.foreign import CONTEXTS, PROGRAMS, make_foreign
from harness.images.jobs import Job
from harness.model import Handler, ServiceSpec
from tests.unit.images.conftest import Workshop


@pytest.mark.parametrize("name", PROGRAMS)
def test_its_manifest_names_its_image(name: str) -> None:
    """And its liveness probe is one under which each fault of the node can land."""
    workload = workload_of((CONTEXTS / f"{name}.yaml").read_text(encoding="utf-8"))
    service = spec_of(workload, base=ServiceSpec())
    assert images_of(workload) == (f"foreign/{name}:1",)
    assert app_of(service.app.image) is FOREIGN
    assert service.liveness is not None
    assert service.liveness.handler in {Handler.HTTP, Handler.GRPC}
    assert (service.min_scale, service.max_scale, service.timeout_s) == (1, 1, 10)


def test_a_program_that_there_is_not_is_refused(workshop: Workshop) -> None:
    """With those there are."""
    with pytest.raises(BadInput, match="no program 'apache'") as caught:
        make_foreign("apache", engine=workshop.engine, state=workshop.state, progress=workshop.progress)
    assert "nginx, python, grpc-health" in caught.value.fix


def test_an_image_is_made_once_and_gets_the_name_of_its_manifest(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the base that the toggle app has."""
    made = Job("base", "localhost/base:1", lambda: True, lambda: None)
    monkeypatch.setattr(foreign, "rootfs_job", lambda _bench, _list, *, weight_s: made if weight_s else None)
    for _ in range(2):
        named = make_foreign("python", engine=workshop.engine, state=workshop.state, progress=workshop.progress)
    assert named == "foreign/python:1"
    assert (workshop.calls("engine", "build"), workshop.calls("engine", "tag")) == (1, 2)
