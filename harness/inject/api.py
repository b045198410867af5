"""Faults that are one call of the Kubernetes API. The fault says the call as data; here it is made, once."""

from __future__ import annotations

import json

from harness.adapters.clock import now_ns
from harness.adapters.kube import Kube
from harness.adapters.objects import ApiRefused, NoSuchKind, Objects, Ref, conditions
from harness.errors import ClusterError, FaultError
from harness.faults import FAULTS, ApiCall, ApiFault
from harness.faults.fault import workload_ref
from harness.inject.access import ClusterAccess
from harness.inject.door import Injector
from harness.model import ClusterHandle, Deployed, FaultEvent, FaultSpec, Pod


class Api(Injector):
    """The injector of every ApiFault. A workload that is no longer as it was deployed is made anew for the next cycle."""

    def inject(self, access: ClusterAccess, deployed: Deployed, pod: Pod, fault: FaultSpec, *, cycle: int) -> FaultEvent:
        """Make the call. The event's answer says what was called; its status is 200, or 0 where nobody had to be told.

        Raises FaultError for an object that is not there, is another one by now, or was refused.
        """
        kind = FAULTS[fault.kind]
        if not isinstance(kind, ApiFault):
            raise TypeError(f"{fault.kind} is no fault of the API")
        sent_ns = now_ns()
        call = kind.call(fault, deployed, pod, f"{cycle}-{sent_ns}")
        status, answer = (200, _made(access.handle, call)) if call else (0, "")
        params = kind.filled(fault.params)
        return FaultEvent(cycle, fault.kind, params, pod.name, pod.boot, sent_ns, now_ns(), status, answer)

    def state(self, access: ClusterAccess, deployed: Deployed) -> str:
        """The conditions of the workload in one line. For the message when a wait was in vain: raises nothing."""
        ref = workload_ref(deployed)
        where = Ref(ref["api_version"], ref["kind"], ref["name"], ref["namespace"])
        try:
            return f"{where}: {conditions(Objects(Kube.of(access.handle, pool=1)).get(where))}"
        except (ApiRefused, NoSuchKind, ClusterError) as error:
            return f"{where}: not known ({error})"


def _made(handle: ClusterHandle, call: ApiCall) -> str:
    ref = Ref(call.api_version, call.kind, call.name, call.namespace)
    objects = Objects(Kube.of(handle, pool=1))
    try:
        if call.verb == "delete":
            found = objects.delete_uid(ref, call.uid)
        else:
            objects.merge(ref, dict(call.patch))
            found = True
    except (ApiRefused, NoSuchKind) as error:
        raise FaultError(f"The API server refused to {call.verb} {ref}: {error}.", where=str(ref)) from error
    if not found:
        raise FaultError(f"{ref} is not there.", fix="See what became of it in the events of its namespace.", where=str(ref))
    return json.dumps({"verb": call.verb, "object": str(ref), "uid": call.uid, "patch": call.patch}, sort_keys=True)
