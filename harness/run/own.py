"""A Service of the user's own in place of a scenario's: which claims are asked of it, which requests it gets, and its images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness import images
from harness.apps.known import app_of
from harness.catalogue import SCENARIOS, holds, scenario
from harness.cluster import kind
from harness.errors import BadInput
from harness.faults import FAULTS, Lift
from harness.knative.roles import service_of_role, sidecar_role
from harness.model import Claim, FaultSpec, Lane, Scenario, ServiceSpec, UserRequest
from harness.run.world import World

HELD_S = 15.0
"""How long a fault lasts in a program of which nothing ends it, if the scenario does not say: as S23's."""

USERS = "what the users of a Service expect"
RESTARTED = "the kubelet restarts the container, once"

LANES = {
    "GET": ((Lane.GET_KEEPALIVE, 4), (Lane.GET_NEW, 1)),
    "POST": ((Lane.POST_KEEPALIVE, 1),),
    "GRPC": ((Lane.GRPC, 1),),
}
"""How the users of a Service ask, by method: kept connections, and for GET also new ones. A proxy may send a GET twice, so the two
are not mixed."""


def asked_for(name: str) -> Scenario:
    """The scenario of this name, or that of the fault of this name: the fault under load, for a Service of the user's own.

    Raises BadInput for a name that is neither.
    """
    if name.upper() in SCENARIOS:
        return scenario(name)
    known = {kind: one for kind, one in FAULTS.items() if one.injected and one.courses[0] == "disturb"}
    fault = known.get(name)
    if fault is None:
        raise BadInput(
            f"There is no scenario {name!r}; there are: {', '.join(SCENARIOS)}.",
            fix=f"Name one of them or, with --service, a fault: {', '.join(known)}.",
        )
    return Scenario(name=name, title=f"{fault.done}, under load", service=ServiceSpec(), fault=FaultSpec(name), claims=(), cycles=5)


def in_container(asked: Scenario, service: ServiceSpec, name: str) -> Scenario:
    """The scenario with its fault in the sidecar of this name, "": in the container that it names. Raises BadInput."""
    if not name:
        return asked
    roles = {one.name: sidecar_role(number) for number, one in enumerate(service.sidecars, 1)}
    if name not in roles:
        raise BadInput(
            f"The Service has no sidecar {name!r}; it has: {', '.join(roles) or 'none'}.",
            fix="Name one of them, or leave --container out: then the container is hit that gets the requests.",
        )
    return replace(asked, fault=replace(asked.fault, role=roles[name]))


def on_own(asked: Scenario, service: ServiceSpec, request: UserRequest | None) -> Scenario:
    """The scenario on a Service of the user's own.

    request: how its users ask; None: as in the scenario, for the toggle app, and by GET / for any other program. The claims of the
    catalogue are predictions about the toggle app: another program has its own (`claims_for`).
    """
    changed = replace(asked, service=service)
    ends = FAULTS[asked.fault.kind].ends_in(asked.fault, service_of_role(service, asked.fault.role))
    if ends.lift is Lift.HELD and not asked.hold_s:
        changed = replace(changed, hold_s=HELD_S)
    ours = app_of(service.app.image).names_itself
    if request is not None or not ours:
        users = request or UserRequest()
        load = replace(asked.load, lanes=LANES[users.method], path=users.path, headers=users.headers, expect=users.expect)
        load = replace(load, message=users.body) if users.method == "GRPC" else load
        changed = replace(changed, load=load)
    return changed if ours and asked.claims else replace(changed, claims=claims_for(changed))


def claims_for(asked: Scenario) -> tuple[Claim, ...]:
    """What is asked of any program, of which nothing but the cluster and its users tell: that no request fails, and how often its
    container is restarted.
    """
    service = service_of_role(asked.service, asked.fault.role)
    restarts = FAULTS[asked.fault.kind].ends(asked.fault, service).probed_again
    restart = holds("container-restarts-once", RESTARTED) if restarts else holds("no-restart", USERS)
    return (holds("requests-do-not-fail", USERS), restart)


def left_out(asked: Scenario, measured: Scenario) -> tuple[str, ...]:
    """The checks of the scenario that are not asked of this Service."""
    kept = {claim.check for claim in measured.claims}
    return tuple(dict.fromkeys(claim.check for claim in asked.claims if claim.check not in kept))


def user_request(
    method: str, path: str, headers: Sequence[str], expect: str, *, grpc: str = "", message: str = ""
) -> UserRequest | None:
    """The request of the options --method, --path, --header, --expect, --grpc and --message; None if none of them was given.

    Raises BadInput.
    """
    if not (method or path or headers or expect or grpc or message):
        return None
    if grpc and (method or path or expect):
        raise BadInput("--grpc was given with an option of HTTP requests.", fix="Leave out --method, --path and --expect.")
    if message and not grpc:
        raise BadInput("--message was given without --grpc.", fix="Name the method: --grpc PACKAGE.SERVICE/METHOD.")
    verb = "GRPC" if grpc else (method or "GET").upper()
    if verb not in LANES or (verb == "GRPC" and not grpc):
        raise BadInput(f"--method is {method}.", fix="Use GET or POST, or --grpc.")
    pairs = [text.partition(":") for text in headers]
    for text, (name, colon, _) in zip(headers, pairs, strict=True):
        if not colon or not name.strip():
            raise BadInput(f"--header is {text!r}.", fix="Write it as NAME: VALUE.")
    try:
        statuses = tuple(int(text) for text in expect.split(",")) if expect else ()
    except ValueError as error:
        raise BadInput(f"--expect is {expect!r}.", fix="Write statuses with commas between them, such as 200,404.") from error
    given = tuple((name.strip(), value.strip()) for name, _, value in pairs)
    if grpc:
        return UserRequest(verb, f"/{grpc.removeprefix('/')}", given, message)
    return UserRequest(verb, path or "/", given, expect=statuses)


def loaded(world: World, names: Mapping[str, str]) -> None:
    """Have these images of the engine in the cluster's node too. names: see `images.bring`. Raises ImageError, ClusterError."""
    if names:
        program = images.kind_binary(state=world.state, progress=world.progress)
        kind.load_images(
            world.handle, list(names.values()), engine=world.engine, kind=program, state=world.state, progress=world.progress
        )
