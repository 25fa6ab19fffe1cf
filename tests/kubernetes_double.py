"""A double of the Kubernetes API over real HTTP, with a Job controller, a scheduler and kubelets of its own.

Objects are validated against the official schemas (kubernetes-validate, strict) and by those rules of the API server
that the engine depends on and the schemas do not have. A container runs nothing: its command says what becomes of it,
`exit CODE` soon, `run` until it is ended, `lose` when its node dies. Times have whole seconds, as Kubernetes has them.
"""

import json
import re
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import kubernetes_validate

VERSIONS = ("1.34",)
BEAT_S, RUN_S = 0.01, 0.03
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
COLLECTIONS = {"jobs": "Job", "pods": "Pod", "services": "Service", "nodes": "Node"}

Object = dict[str, Any]


class Refusal(Exception):
    """A Status that the server answers with."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.body = {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message}
        self.code = code


class KubernetesDouble:
    """`nodes`: accelerators by name. `expire_next`: the next page of a list is answered with 410 Gone."""

    def __init__(self, nodes: dict[str, int], resource: str = "example.com/card") -> None:
        self.resource = resource
        self.objects: dict[tuple[str, str, str], Object] = {}
        self.requests: list[str] = []
        self.expire_next = False
        self.admits = True
        self.mutex = threading.RLock()
        for name, count in nodes.items():
            ready = [{"type": "Ready", "status": "True"}]
            status = {"allocatable": {resource: str(count)}, "conditions": ready}
            self.put("nodes", "", {"metadata": {"name": name}, "spec": {}, "status": status})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"double": self}))
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._server.serve_forever), threading.Thread(target=self._beat)]
        for thread in self._threads:
            thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._stop.set()
        self._server.shutdown()
        self._server.server_close()
        for thread in self._threads:
            thread.join()

    def put(self, collection: str, namespace: str, thing: Object) -> Object:
        metadata = thing["metadata"]
        metadata |= {"uid": str(uuid4()), "creationTimestamp": _now(), "resourceVersion": str(len(self.requests))}
        thing.setdefault("status", {})
        self.objects[collection, namespace, metadata["name"]] = thing
        return thing

    def all(self, collection: str) -> list[Object]:
        return [thing for (kind, _, _), thing in list(self.objects.items()) if kind == collection]

    def create(self, collection: str, namespace: str, thing: Object) -> Object:
        name = thing["metadata"]["name"]
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(thing, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                raise Refusal(422, "Invalid", str(error.message)) from error
        if LABEL.fullmatch(name) is None:
            raise Refusal(422, "Invalid", f"{name}: not an RFC 1123 label")
        if (collection, namespace, name) in self.objects:
            raise Refusal(409, "AlreadyExists", f"{collection} {name} already exists")
        if collection == "jobs":
            check_job(thing["spec"])
            if thing["metadata"].get("labels", {}).get("kueue.x-k8s.io/queue-name") and not thing["spec"].get(
                "suspend"
            ):
                raise Refusal(403, "Forbidden", "Kueue manages suspended Jobs only")
        return self.put(collection, namespace, thing)

    def delete(self, collection: str, namespace: str, name: str) -> Object:
        """A Job goes when its pods have gone (foreground)."""
        thing = self.objects.get((collection, namespace, name))
        if thing is None:
            raise Refusal(404, "NotFound", f"{collection} {name} not found")
        if collection == "jobs":
            thing["metadata"].setdefault("deletionTimestamp", _now())
        else:
            del self.objects[collection, namespace, name]
        return thing

    def _beat(self) -> None:
        """The controllers: one round after another."""
        while not self._stop.wait(BEAT_S):
            with self.mutex:
                for job in self.all("jobs"):
                    self._control(job)
                for pod in self.all("pods"):
                    self._run(pod)

    def _pods(self, job: Object) -> list[Object]:
        name = job["metadata"]["name"]
        return [p for p in self.all("pods") if p["metadata"]["labels"]["batch.kubernetes.io/job-name"] == name]

    def _control(self, job: Object) -> None:
        spec, status, pods = job["spec"], job["status"], self._pods(job)
        if "deletionTimestamp" in job["metadata"]:
            self._remove(job, pods)
        elif any(c["type"] in ("Complete", "Failed") for c in status.get("conditions", [])):
            return
        elif spec.get("suspend"):
            spec["suspend"] = not self.admits  # Kueue
        elif "startTime" not in status:
            status |= {"startTime": _now(), "began": time.monotonic()}
            for index in range(spec["completions"]):
                self._make_pod(job, index)
        elif time.monotonic() - status["began"] > spec.get("activeDeadlineSeconds", 1e9):
            self._finish(job, pods, "Failed", "DeadlineExceeded")
        elif any(pod["status"]["phase"] == "Failed" for pod in pods):
            self._finish(job, pods, "Failed", "BackoffLimitExceeded")
        elif pods and all(pod["status"]["phase"] == "Succeeded" for pod in pods):
            self._finish(job, pods, "Complete", "")

    def _remove(self, job: Object, pods: list[Object]) -> None:
        for pod in pods:
            self._kill(pod)
        if not any(_alive(pod) for pod in pods):
            for pod in pods:
                del self.objects["pods", "default", pod["metadata"]["name"]]
            del self.objects["jobs", "default", job["metadata"]["name"]]

    def _finish(self, job: Object, pods: list[Object], kind: str, reason: str) -> None:
        for pod in pods:
            self._kill(pod)
        condition = {"type": kind, "status": "True", "reason": reason, "lastTransitionTime": _now()}
        job["status"].setdefault("conditions", []).append(condition)

    def _make_pod(self, job: Object, index: int) -> None:
        template = json.loads(json.dumps(job["spec"]["template"]))
        name = job["metadata"]["name"]
        metadata = {
            "name": f"{name}-{index}-{uuid4().hex[:5]}",
            "labels": {**template["metadata"]["labels"], "batch.kubernetes.io/job-name": name},
            "annotations": {"batch.kubernetes.io/job-completion-index": str(index)},
        }
        self.put("pods", "default", {"metadata": metadata, "spec": template["spec"], "status": {"phase": "Pending"}})

    def _run(self, pod: Object) -> None:
        """Scheduler and kubelet."""
        spec, status = pod["spec"], pod["status"]
        if status["phase"] == "Pending" and (node := self._node_for(pod)):
            spec["nodeName"] = node
            status |= {"phase": "Running", "began": time.monotonic()}
            status["containerStatuses"] = [{"name": "program", "state": {"running": {"startedAt": _now()}}}]
        elif status["phase"] == "Running" and time.monotonic() - status["began"] > RUN_S:
            command = spec["containers"][0]["command"]
            if command[0] == "exit":
                self._terminate(pod, int(command[1]))
            elif command[0] == "lose":
                status["conditions"] = [
                    {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager"}
                ]
                status |= {"phase": "Failed", "containerStatuses": []}

    def _terminate(self, pod: Object, code: int) -> None:
        state = pod["status"]["containerStatuses"][0]["state"]
        ended = {"exitCode": code, "startedAt": state["running"]["startedAt"], "finishedAt": _now()}
        pod["status"]["containerStatuses"][0]["state"] = {"terminated": ended}
        pod["status"]["phase"] = "Failed" if code else "Succeeded"

    def _kill(self, pod: Object) -> None:
        if pod["status"]["phase"] == "Running":
            self._terminate(pod, 143)
        elif pod["status"]["phase"] == "Pending":
            pod["status"]["phase"] = "Failed"

    def _node_for(self, pod: Object) -> str | None:
        wanted = _asked(pod, self.resource)
        for node in self.all("nodes"):
            name = node["metadata"]["name"]
            there = [p for p in self.all("pods") if p["spec"].get("nodeName") == name and _alive(p)]
            free = int(node["status"]["allocatable"][self.resource]) - sum(_asked(p, self.resource) for p in there)
            if wanted <= free and not node["spec"].get("unschedulable"):
                return str(name)
        return None


def check_job(spec: Object) -> None:
    """What the API server asks of a Job and the schemas do not say."""
    if spec["template"]["spec"].get("restartPolicy") not in ("Never", "OnFailure"):
        raise Refusal(422, "Invalid", "restartPolicy: a Job's pods restart Never or OnFailure")
    if spec.get("completionMode") == "Indexed" and "completions" not in spec:
        raise Refusal(422, "Invalid", "completions: needed for Indexed Jobs")
    for container in spec["template"]["spec"]["containers"]:
        resources = container.get("resources", {})
        limits, requests = resources.get("limits", {}), resources.get("requests", {})
        if any("/" in name and requests.get(name, amount) != amount for name, amount in limits.items()):
            raise Refusal(422, "Invalid", "requests: of extended resources must equal limits")


def _asked(pod: Object, resource: str) -> int:
    return sum(int(c.get("resources", {}).get("limits", {}).get(resource, 0)) for c in pod["spec"]["containers"])


def _alive(pod: Object) -> bool:
    return pod["status"]["phase"] in ("Pending", "Running")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Handler(BaseHTTPRequestHandler):
    """The paths of the API that are used."""

    double: KubernetesDouble
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet

    def log_message(self, *_: object) -> None:
        """Silent."""

    def _serve(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.double.requests.append(f"{self.command} {self.path}")
        parts = url.path.strip("/").split("/")
        parts = parts[3:] if parts[0] == "apis" else parts[2:]
        namespace, rest = (parts[1], parts[2:]) if parts[0] == "namespaces" else ("", parts)
        try:
            with self.double.mutex:
                answer = self._answer(namespace, rest, query, body)
            code = 201 if self.command == "POST" else 200
        except Refusal as refusal:
            answer, code = refusal.body, refusal.code
        text = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def __getattr__(self, name: str) -> Any:
        """`do_GET` and the others: the base class asks for a method of that name."""
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _answer(self, namespace: str, rest: list[str], query: dict[str, str], body: bytes) -> Object | str:
        collection = rest[0]
        if self.command == "POST":
            return self.double.create(collection, namespace, json.loads(body))
        if self.command == "DELETE":
            return self.double.delete(collection, namespace, rest[1])
        if rest[2:] == ["log"]:
            return f"output of {rest[1]}\n"
        return self._list(collection, query)

    def _list(self, collection: str, query: dict[str, str]) -> Object:
        found = [
            t for t in self.double.all(collection) if all(_selects(t, s) for s in _terms(query.get("labelSelector")))
        ]
        begin, limit = int(query.get("continue") or 0), int(query.get("limit") or 10**9)
        if begin and self.double.expire_next:
            self.double.expire_next = False
            raise Refusal(410, "Expired", "The provided continue parameter is too old")
        more = str(begin + limit) if begin + limit < len(found) else ""
        kind = f"{COLLECTIONS[collection]}List"
        return {"kind": kind, "metadata": {"continue": more}, "items": found[begin : begin + limit]}


def _terms(selector: str | None) -> Iterator[str]:
    return (term for term in (selector or "").split(",") if term)


def _selects(thing: Object, term: str) -> bool:
    name, sign, value = re.split(r"(!?=)", term, maxsplit=1)
    has = thing["metadata"].get("labels", {}).get(name)
    return bool(has == value) == (sign == "=")
