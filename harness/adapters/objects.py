"""Any Kubernetes object by its own apiVersion and kind, as plain JSON: server-side apply, get, list, delete.

What the typed client cannot do: it knows no custom resource, and its dynamic sibling writes a discovery cache outside of our
state directory.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import urllib3

from harness.adapters.documents import Obj, name_of
from harness.adapters.kube import Kube
from harness.errors import HarnessError

FIELD_MANAGER = "knative-chaos"
"""Who owns the fields we apply, as `kubectl get --show-managed-fields` shows it."""

LOG_BYTES = 400_000
LOG_LINES = 2_000
"""Of a container's log, the most that is read at once: what has just happened in it."""

TIMEOUT_S = 20.0
"""Of one call; admission webhooks answer within 10 s or are given up by the API server."""


class ApiRefused(HarnessError):
    """The API server answered with an error. status: HTTP status, 0 when there was no answer at all."""

    def __init__(self, what: str, *, status: int, said: str) -> None:
        super().__init__(f"{what}: {said}")
        self.status = status
        self.said = said


class NoSuchKind(HarnessError):
    """The API server does not serve this apiVersion and kind (or not yet)."""

    def __init__(self, api_version: str, kind: str) -> None:
        super().__init__(f"no matches for kind {kind!r} in version {api_version!r}")


@dataclass(frozen=True, slots=True)
class Ref:
    """Where an object lies. namespace "" for cluster-scoped kinds; a namespaced object without one is in "default"."""

    api_version: str
    kind: str
    name: str
    namespace: str = ""

    @staticmethod
    def of(obj: Mapping[str, Any]) -> Ref:
        """The reference of an object as written in a manifest."""
        metadata = obj.get("metadata") or {}
        return Ref(str(obj.get("apiVersion")), str(obj.get("kind")), name_of(obj), str(metadata.get("namespace") or ""))

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace + '/' if self.namespace else ''}{self.name}"


@dataclass(frozen=True, slots=True)
class _Kind:
    plural: str
    namespaced: bool


class Objects:
    """Plain objects of one cluster. Safe to use from several threads; knows each kind after its first use."""

    def __init__(self, kube: Kube) -> None:
        self._api = kube.api
        self._kinds: dict[tuple[str, str], _Kind] = {}
        self._guard = threading.Lock()

    def apply(self, obj: Obj, *, dry_run: bool = False, strict: bool = False) -> Obj:
        """Server-side apply with our field manager, taking over fields of others; answers with the object as stored.

        dry_run: the server does everything (defaults, admission) but storing. strict: fields that it does not know are refused, not
        dropped. Raises ApiRefused, NoSuchKind.
        """
        query = [("fieldManager", FIELD_MANAGER), ("force", "true")]
        if dry_run:
            query.append(("dryRun", "All"))
        if strict:
            query.append(("fieldValidation", "Strict"))
        return self._call("PATCH", self._path(Ref.of(obj)), query, json.dumps(obj), "application/apply-patch+yaml")

    def get(self, ref: Ref) -> Obj | None:
        """The object, None if it is not there. Raises ApiRefused, NoSuchKind."""
        try:
            return self._call("GET", self._path(ref))
        except ApiRefused as refused:
            if refused.status == 404:
                return None
            raise

    def find(self, api_version: str, kind: str, *, namespace: str = "", labels: str = "") -> list[Obj]:
        """Objects of a kind, of all namespaces without one. labels: a selector such as "a=b,c". Raises ApiRefused, NoSuchKind."""
        path = self._path(Ref(api_version, kind, "", namespace), everywhere=not namespace)
        items = self._call("GET", path, [("labelSelector", labels)] if labels else []).get("items") or []
        return [{"apiVersion": api_version, "kind": kind, **item} for item in items]

    def merge(self, ref: Ref, patch: Obj) -> Obj:
        """JSON merge patch: the given keys are set, those given as None removed, all others stay whoever owns them.

        A resourceVersion in its metadata makes a change by somebody else in between a refusal of status 409.
        Raises ApiRefused, NoSuchKind.
        """
        query = [("fieldManager", FIELD_MANAGER)]
        return self._call("PATCH", self._path(ref), query, patch, "application/merge-patch+json")

    def log(self, namespace: str, pod: str, container: str, *, previous: bool = False, since_s: int | None = None) -> str:
        """The last LOG_BYTES of a container's log; "" where there is none (yet). Raises ApiRefused.

        previous: of the instance before. since_s: no line is older than that.
        """
        query = [("container", container), ("limitBytes", str(LOG_BYTES)), ("tailLines", str(LOG_LINES))]
        if previous:
            query.append(("previous", "true"))
        if since_s is not None:
            query.append(("sinceSeconds", str(since_s)))
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(pod, safe='')}/log"
        try:
            return self._text("GET", path, query, accept="*/*")
        except ApiRefused as refused:
            if refused.status in {400, 404}:  # no such instance, or it has not started
                return ""
            raise

    def delete(self, ref: Ref, *, grace_s: int | None = None) -> bool:
        """Ask for the deletion, dependants in the background; False when it was not there. Raises ApiRefused, NoSuchKind."""
        query = [("propagationPolicy", "Background")]
        if grace_s is not None:
            query.append(("gracePeriodSeconds", str(grace_s)))
        try:
            self._call("DELETE", self._path(ref), query)
        except ApiRefused as refused:
            if refused.status == 404:
                return False
            raise
        return True

    def delete_uid(self, ref: Ref, uid: str) -> bool:
        """Ask for the deletion of the object with this uid, with its own grace; False when none of its name was there.

        Another one of that name is refused with status 409. Raises ApiRefused, NoSuchKind.
        """
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background", "preconditions": {"uid": uid}}
        try:
            self._call("DELETE", self._path(ref), body=options, content_type="application/json")
        except ApiRefused as refused:
            if refused.status == 404:
                return False
            raise
        return True

    def _path(self, ref: Ref, *, everywhere: bool = False) -> str:
        kind = self._kind(ref.api_version, ref.kind)
        parts = [_root(ref.api_version)]
        if kind.namespaced and not everywhere:
            parts += ["namespaces", quote(ref.namespace or "default", safe="")]
        parts.append(kind.plural)
        if ref.name:
            parts.append(quote(ref.name, safe=":"))
        return "/".join(parts)

    def _kind(self, api_version: str, kind: str) -> _Kind:
        with self._guard:
            known = self._kinds.get((api_version, kind))
        if known is not None:
            return known
        try:
            served = self._call("GET", _root(api_version)).get("resources") or []
        except ApiRefused as refused:
            if refused.status == 404:
                raise NoSuchKind(api_version, kind) from refused
            raise
        seen = {
            (api_version, str(entry["kind"])): _Kind(str(entry["name"]), bool(entry["namespaced"]))
            for entry in served
            if "/" not in entry["name"]  # "pods/log" and the like belong to pods
        }
        with self._guard:
            self._kinds.update(seen)
        if (api_version, kind) not in seen:
            raise NoSuchKind(api_version, kind)
        return seen[api_version, kind]

    def _call(
        self,
        method: str,
        path: str,
        query: list[tuple[str, str]] | None = None,
        body: str | Obj | None = None,
        content_type: str = "",
    ) -> Obj:
        text = self._text(method, path, query, body, content_type)
        try:
            value = json.loads(text or "{}")
        except ValueError:
            value = {}
        return value if isinstance(value, dict) else {}

    def _text(
        self,
        method: str,
        path: str,
        query: list[tuple[str, str]] | None = None,
        body: str | Obj | None = None,
        content_type: str = "",
        accept: str = "application/json",
    ) -> str:
        headers = {"Accept": accept}
        if content_type:
            headers["Content-Type"] = content_type
        verb, url, sent, payload, _ = self._api.param_serialize(
            method, path, query_params=query or [], header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        what = f"{method} {path}"
        try:
            answer = self._api.call_api(verb, url, header_params=sent, body=payload, _request_timeout=TIMEOUT_S)
            raw = answer.read()  # type: ignore[no-untyped-call]
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ApiRefused(what, status=0, said=f"{type(error).__name__}: {error}"[:400]) from error
        text = str(raw or b"", "utf-8", errors="replace")
        if not 200 <= answer.status <= 299:
            try:
                value = json.loads(text or "{}")
            except ValueError:
                value = {}
            said = str(value.get("message") or "") if isinstance(value, dict) else ""
            raise ApiRefused(what, status=int(answer.status), said=said[:1_000] or f"HTTP {answer.status}")
        return text


def _root(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def conditions(obj: Mapping[str, Any] | None) -> str:
    """The conditions of an object's status in one line for people, those that are not True first."""
    if obj is None:
        return "not there"
    listed = (obj.get("status") or {}).get("conditions") or []
    ordered = sorted(listed, key=lambda one: (one.get("status") == "True", str(one.get("type"))))
    said = [
        f"{one.get('type')}={one.get('status')}"
        + (f" {one['reason']}" if one.get("reason") and one.get("status") != "True" else "")
        + (f" ({str(one['message'])[:200]})" if one.get("message") and one.get("status") != "True" else "")
        for one in ordered
    ]
    return ", ".join(said) or "no conditions yet"


def condition(obj: Mapping[str, Any], kind: str) -> bool:
    """Whether the condition of this type is True for the object as it is now (not for an older generation of it)."""
    status = obj.get("status") or {}
    seen = status.get("observedGeneration")
    if seen is not None and seen != (obj.get("metadata") or {}).get("generation"):
        return False
    return any(one.get("type") == kind and one.get("status") == "True" for one in status.get("conditions") or [])
