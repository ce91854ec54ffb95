"""What the rendered pods ask of the service: settings that it takes, probes that it answers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from rendering import CASES, HERE, documents, of_kind

from decision_service.runtime.config import load
from decision_service.runtime.settings import FROM_FILES, Settings, env_name

DATABASES = ("DECISION_STORE_URL_FILE", "DECISION_ERASURE_JOURNAL_FILE")
MOUNTED = "/etc/decision-service"


def pod(case: str) -> dict[str, Any]:
    """The pod of the Deployment."""
    spec: dict[str, Any] = of_kind(case, "Deployment")["spec"]["template"]["spec"]
    return spec


def environment(container: dict[str, Any]) -> dict[str, str]:
    """The variables of a container."""
    return {entry["name"]: entry["value"] for entry in container["env"]}


def settings(container: dict[str, Any], folder: Path) -> Settings:
    """The settings as the service reads them, with a file for each secret below the folder."""
    environ = environment(container)
    for name, value in environ.items():
        if value.startswith(MOUNTED):
            file = folder / value.removeprefix(f"{MOUNTED}/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"postgresql://u@h/{name}" if name in DATABASES else "x" * 64)
            environ[name] = str(file)
    return load(environ=environ)


@pytest.mark.parametrize("case", CASES)
def test_the_service_takes_the_settings(case: str, tmp_path: Path) -> None:
    """Of the pods and of the migration; a drain ends before the kubelet kills."""
    [container] = pod(case)["containers"]
    taken = settings(container, tmp_path)
    drain = taken.drain_seconds + taken.drain_grace
    assert pod(case)["terminationGracePeriodSeconds"] >= drain + 5
    for job in (one for one in documents(case) if one["kind"] == "Job"):
        settings(job["spec"]["template"]["spec"]["containers"][0], tmp_path)


@pytest.mark.parametrize("case", CASES)
def test_no_secret_stands_in_the_environment(case: str) -> None:
    """Each is a file that Kubernetes mounts; no variable of a Service is taken for a setting."""
    named = {env_name(secret) for secret in FROM_FILES}
    assert named.isdisjoint(environment(pod(case)["containers"][0]))
    assert pod(case)["enableServiceLinks"] is False


@pytest.mark.parametrize("case", CASES)
def test_probes_ask_what_the_service_answers(case: str) -> None:
    """Liveness and start by whether the process answers, readiness for decisions."""
    [container] = pod(case)["containers"]
    assert container["livenessProbe"]["httpGet"] == {"port": "admin", "path": "/livez"}
    assert container["startupProbe"]["httpGet"] == {"port": "admin", "path": "/livez"}
    assert container["readinessProbe"]["httpGet"] == {"port": "admin", "path": "/healthz"}


def test_strangers_meet_the_front_alone() -> None:
    """It is the shipped file, before a service on loopback, and the port of Service and policy."""
    [container] = pod("production")["containers"]
    listening = environment(container)
    assert listening["DECISION_GRPC_ADDRESS"] == "127.0.0.1:50051"
    assert listening["DECISION_HTTP_ADDRESS"] == "127.0.0.1:8080"
    found = [one for one in documents("production") if one["kind"] == "ConfigMap"]
    [text] = [one["data"]["envoy.yaml"] for one in found if "envoy.yaml" in one["data"]]
    shipped = (HERE.parent / "front/envoy.yaml").read_text().strip()
    [line] = [one for one in text.splitlines() if "or_ids" in one]
    ids = yaml.safe_load(line)[0]["or_ids"]["ids"]
    assert ids == [
        {"remote_ip": {"address_prefix": "203.0.113.7", "prefix_len": 32}},
        {"remote_ip": {"address_prefix": "2001:db8:5::", "prefix_len": 48}},
    ]
    sample = "# - remote_ip: {address_prefix: 203.0.113.7, prefix_len: 32}"
    assert text.replace(line.strip(), sample) == shipped
    ports = of_kind("production", "NetworkPolicy")["spec"]["ingress"]
    assert {one["port"] for rule in ports for one in rule["ports"]} == {"front", "admin"}


@pytest.mark.parametrize("case", CASES)
def test_balancers_notice_before_calls_are_refused(case: str, tmp_path: Path) -> None:
    """Readiness fails within the time in which a stopping pod still takes calls."""
    [container] = pod(case)["containers"]
    probe = container["readinessProbe"]
    seconds = probe["periodSeconds"] * probe["failureThreshold"]
    assert settings(container, tmp_path).drain_seconds >= seconds


@pytest.mark.parametrize("case", CASES)
def test_pods_run_as_the_images_user(case: str) -> None:
    """Without rights, on a root that nothing can write."""
    containers = (HERE.parent / "image/Containerfile").read_text()
    user = re.search(r"^USER (\d+):", containers, re.M)
    assert user is not None
    assert pod(case)["securityContext"]["runAsUser"] == int(user[1])
    for container in (*pod(case)["containers"], *pod(case).get("initContainers", ())):
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_all_pods_together_stay_within_the_vendors_limit(tmp_path: Path) -> None:
    """Also in a rolling update, which adds one pod to the greatest number."""
    most = of_kind("production", "HorizontalPodAutoscaler")["spec"]["maxReplicas"]
    [container] = pod("production")["containers"]
    assert settings(container, tmp_path).smile_requests_per_second * (most + 1) <= 20


def test_rules_of_several_maps_are_swapped_at_once() -> None:
    """One projected volume, mounted whole: a kubelet updates no file of a subPath."""
    [container], volumes = pod("production")["containers"], pod("production")["volumes"]
    [rules] = [one for one in volumes if one["name"] == "rules"]
    [mount] = [one for one in container["volumeMounts"] if one["name"] == "rules"]
    assert "projected" in rules
    assert "subPath" not in mount
