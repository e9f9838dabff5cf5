"""Kafka Connect's REST interface: what is needed to run one connector."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from domain.failures import Failure

_SECONDS = 30.0
_VALIDATION_SECONDS = 90.0
_FORMER_SECONDS = 20.0
_REQUIRED = object()
_CAUSE = "Caused by: "
_LONGEST = 600
_FREE = (
    "topic.creation.",
    "key.converter.",
    "value.converter.",
    "schema.history.",
    "driver.",
    "signal.",
    "read.only",
    "producer.override.",
)
"""What begins so is read by parts that validation doesn't ask."""


class ConnectProblem(Failure):
    """Kafka Connect can't be reached, refused, or its connector failed."""


@dataclass(frozen=True, slots=True)
class ConnectorStatus:
    """How a connector and its task are."""

    name: str
    state: str
    """RUNNING, PAUSED, STOPPED, FAILED, UNASSIGNED, RESTARTING; ABSENT where there is none."""
    task: str
    """State of its only task; ABSENT before it has one."""
    trace: str
    """What failed, else empty: the first line of Connect's trace and that of its last cause."""

    @property
    def is_running(self) -> bool:
        """Whether connector and task both run."""
        return self.state == self.task == "RUNNING"


class Connect:
    """One Kafka Connect worker or cluster; its address may hold `user:password@`."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._shown = httpx.URL(self._url).copy_with(userinfo=b"")

    def apply(self, name: str, configuration: Mapping[str, str]) -> bool:
        """Create the connector or give it these settings; whether anything changed.

        Raises ConnectProblem with the settings that Connect refuses and why.
        """
        there = self._call("GET", f"/connectors/{name}/config", missing_is=None)
        wanted = {**configuration, "name": name}
        if there == wanted:
            return False
        self._call("PUT", f"/connectors/{name}/config", json=dict(wanted))
        return True

    def status(self, name: str) -> ConnectorStatus:
        """How a connector is. Raises ConnectProblem where Connect can't be asked."""
        answer = self._call("GET", f"/connectors/{name}/status", missing_is={})
        if not answer:
            return ConnectorStatus(name, "ABSENT", "ABSENT", "")
        connector = answer["connector"]
        task: dict[str, Any] = next(iter(answer["tasks"]), {"state": "ABSENT"})
        trace = connector.get("trace") or task.get("trace") or ""
        return ConnectorStatus(name, connector["state"], task["state"], _told(trace))

    def restart(self, name: str) -> None:
        """Start a connector's failed parts again."""
        self._call("POST", f"/connectors/{name}/restart?includeTasks=true&onlyFailed=true")

    def delete(self, name: str) -> bool:
        """Remove a connector; whether it was there. Its slot and topics stay."""
        there = self.status(name).state != "ABSENT"
        self._call("DELETE", f"/connectors/{name}", missing_is=None)
        return there

    def offsets(self, name: str) -> list[dict[str, Any]]:
        """What a connector remembers of how far it is, by its own words; empty where nothing yet.

        (Kafka Connect, `GET /connectors/{name}/offsets`, since 3.5.)
        """
        answer = self._call("GET", f"/connectors/{name}/offsets", missing_is={"offsets": []})
        return [one["offset"] for one in answer["offsets"] if one.get("offset")]

    def forget(self, name: str, seconds: float = 60.0) -> bool:
        """Remove a connector and what it remembers, so that one of its name begins anew.

        Returns whether it was there. (`PUT …/stop`, then `DELETE …/offsets`, since 3.6.)
        """
        if self.status(name).state == "ABSENT":
            return False
        self._call("PUT", f"/connectors/{name}/stop")
        until = time.monotonic() + seconds
        while (status := self.status(name)).state != "STOPPED" or status.task != "ABSENT":
            if time.monotonic() > until:
                raise ConnectProblem(f"the connector {name} doesn't stop within {seconds:.0f} s")
            time.sleep(0.1)
        self._call("DELETE", f"/connectors/{name}/offsets")
        self._call("DELETE", f"/connectors/{name}", missing_is=None)
        return True

    def validate(self, configuration: Mapping[str, str]) -> dict[str, list[str]]:
        """What the connector's own class finds wrong: setting → complaints.

        Settings that neither the class nor Connect knows, most often misspelt, are among them.
        The class tries to reach its database, which takes it half a minute where it can't.
        """
        plugin = configuration["connector.class"]
        entries = self._call(
            "PUT",
            f"/connector-plugins/{plugin}/config/validate",
            json={"name": "validated", **configuration},
        )["configs"]
        values = [entry["value"] for entry in entries if entry["value"]]
        complaints = {value["name"]: value["errors"] for value in values if value["errors"]}
        known = {entry["definition"]["name"] for entry in entries}
        for name in configuration:
            if name not in known and not name.startswith(_FREE):
                complaints[name] = ["neither the connector nor Kafka Connect knows this setting"]
        return complaints

    def await_running(self, name: str, seconds: float = 60.0, former: str = "") -> None:
        """Wait until connector and task run. Raises ConnectProblem when they fail or don't.

        `former` is the trace of a failure from before it was started again, which Connect still
        tells for a while.
        """
        began = time.monotonic()
        until = began + seconds
        while not (status := self.status(name)).is_running:
            is_former = status.trace == former and time.monotonic() < began + _FORMER_SECONDS
            if "FAILED" in (status.state, status.task) and not is_former:
                raise ConnectProblem(f"the connector {name} failed: {status.trace}")
            if time.monotonic() > until:
                raise ConnectProblem(
                    f"the connector {name} doesn't run after {seconds:.0f} s: "
                    f"connector {status.state}, task {status.task}"
                )
            time.sleep(0.1)

    def _call(
        self, method: str, path: str, *, json: Any = None, missing_is: Any = _REQUIRED
    ) -> Any:
        """One request; 409 (Connect is rebalancing) is tried again for a while."""
        until = time.monotonic() + _SECONDS
        while True:
            try:
                answer = httpx.request(
                    method, self._url + path, json=json, timeout=_VALIDATION_SECONDS
                )
            except httpx.HTTPError as problem:
                raise ConnectProblem(
                    f"Kafka Connect at {self._shown} can't be reached (CATALOG_CONNECT__URL):"
                    f" {problem}"
                ) from None
            if answer.status_code == httpx.codes.CONFLICT and time.monotonic() < until:
                time.sleep(0.2)
                continue
            break
        if answer.status_code == httpx.codes.NOT_FOUND and missing_is is not _REQUIRED:
            return missing_is
        if answer.is_error:
            raise ConnectProblem(f"Kafka Connect refused {method} {path}: {_message(answer)}")
        return answer.json() if answer.content else None


def _told(trace: str) -> str:
    lines = trace.strip().splitlines()
    causes = [line.strip() for line in lines if line.startswith(_CAUSE)]
    return " ".join([line.strip() for line in lines[:1]] + causes[-1:])[:_LONGEST]


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code} {answer.text[:200]}"
