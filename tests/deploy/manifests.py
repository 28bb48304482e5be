"""What the files under deploy/ have to hold beyond what their own tools check: run by tests/deploy/manifests.

    manifests.py ROOT COMPOSE_JSON COMMANDS

A rule is a function from a pod (or a compose file) to the places that break it. Each is applied to the files as they
are, and each has to fail on a copy that is spoiled: a rule that cannot fail is no rule. Command lines of linger that
stand in the manifests are written to COMMANDS, one a line, for the caller to run.

Refuses: to guess. What it does not find is broken.
"""

import copy
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import kubernetes_validate
import yaml

ROOT = Path(sys.argv[1])
KUBERNETES = ROOT / "deploy/kubernetes"
# The first release whose schema knows restartPolicy of an init container is 1.28.
VERSIONS = ["1.28", "1.29", "1.31", "1.33", "1.35", "1.37"]
VERSIONS_WITHOUT_SIDECARS = ["1.25", "1.27"]
# Highest peak of memory measured (at 400,000 goroutines), and the store's own limit.
PEAK_MEMORY_BYTES = 48 << 20
STORE_BYTES = 256 << 20
TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"


def instructions(dockerfile):
    """(word, rest) of each instruction of the last stage."""
    text = re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", dockerfile))
    found = [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]
    last = max(i for i, (word, _) in enumerate(found) if word == "FROM")
    return found[last:]


def bytes_of(quantity):
    number, unit = re.fullmatch(r"(\d+)(Ki|Mi|Gi|)", str(quantity)).groups()
    return int(number) << {"": 0, "Ki": 10, "Mi": 20, "Gi": 30}[unit]


def millicores(quantity):
    text = str(quantity)
    return int(text[:-1]) if text.endswith("m") else int(float(text) * 1000)


class Image:
    """What the Dockerfile promises, which every other file builds on."""

    def __init__(self, dockerfile, version):
        told = instructions(dockerfile)
        one = lambda word: next((rest for w, rest in told if w == word), "")
        self.broken = []
        self.base = one("FROM")
        self.program = "".join(yaml.safe_load(one("ENTRYPOINT")))
        self.probe = yaml.safe_load(one("HEALTHCHECK").split("CMD", 1)[1])
        self.user = one("USER")
        self.data = yaml.safe_load(one("VOLUME"))[0]
        self.name = f"linger:{version}"
        env = dict(re.findall(r"(\w+)=(\S+)", one("ENV")))
        expect = lambda ok, what: ok or self.broken.append(f"Dockerfile: {what}")
        expect(self.base == "scratch", "the image has to start from nothing")
        expect(re.fullmatch(r"[1-9]\d*:[1-9]\d*", self.user), "USER has to be numbers, and not root")
        expect(env.get("STATE_DIRECTORY") == self.data, "the volume has to be the store's folder")
        folder = [rest for w, rest in told if w == "COPY" and f"--chown={self.user}" in rest]
        expect(len(folder) == 1 and "--chmod=0700" in folder[0], "the data folder is its user's alone: 0700")
        expect(f'image.version="{version}"' in one("LABEL"), "the label's version is not the workspace's")
        expect(not [w for w, _ in told if w in ("RUN", "SHELL", "ADD")], "nothing runs in an image without a shell")
        expect(self.probe == [self.program, "check", "agent"], "the health check is `linger check agent`")


def linger_of(pod):
    """(container, whether it is a native sidecar)."""
    for key in ("initContainers", "containers"):
        for container in pod.get(key, []):
            if container["name"] == "linger":
                return container, key == "initContainers" and container.get("restartPolicy") == "Always"
    raise SystemExit("a pod without a container `linger`")


def about_the_container(pod, image, kind):
    """Rules that hold for linger in every pod."""
    linger, native = linger_of(pod)
    broken = []
    expect = lambda ok, what: ok or broken.append(what)
    expect(native == (kind != "plain"), "a native sidecar is an init container that is restarted always")
    expect(linger["image"].rsplit("/", 1)[-1] == image.name, f"the image is {image.name}")
    expect("command" not in linger and linger.get("args", [""])[0] == "agent", "the image's program runs as an agent")
    expect("ports" not in linger and "env" not in linger, "nothing is published")
    expect("readinessProbe" not in linger and "lifecycle" not in linger, "linger must not decide on readiness")
    for probe in ("startupProbe", "livenessProbe"):
        told = linger.get(probe, {})
        expect(told.get("exec", {}).get("command") == image.probe, f"{probe} is the image's health check, by exec")
        expect(told.get("timeoutSeconds", 1) >= 5, f"{probe}: a busy node needs more than a second")
    resources = linger.get("resources", {})
    limits, requests = resources.get("limits", {}), resources.get("requests", {})
    memory = bytes_of(limits.get("memory", 0))
    expect(1.5 * PEAK_MEMORY_BYTES <= memory <= 4 * PEAK_MEMORY_BYTES, "memory limit: some headroom over the peak")
    expect(0 < bytes_of(requests.get("memory", 0)) <= memory, "memory is requested")
    expect(0 < millicores(limits.get("cpu", 0)) <= 250, "at most a quarter of a core")
    expect(0 < millicores(requests.get("cpu", 0)) <= 50, "CPU is requested")

    mounts = {mount["mountPath"]: mount["name"] for mount in linger.get("volumeMounts", [])}
    volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
    data = volumes.get(mounts.get(image.data), {}).get("emptyDir", {})
    # A pod that exceeds it is evicted with the service.
    expect(bytes_of(data.get("sizeLimit", 0)) >= 4 * STORE_BYTES, "the data's folder is limited, with room")
    hidden = "emptyDir" in volumes.get(mounts.get(TOKEN_PATH), {})
    expect(pod.get("automountServiceAccountToken") is False or hidden, "linger gets no token")
    return broken


def about_privileges(pod, kind):
    """What linger and its pod may do."""
    linger, _ = linger_of(pod)
    context = linger.get("securityContext", {})
    broken = []
    expect = lambda ok, what: ok or broken.append(what)
    expect(context.get("readOnlyRootFilesystem") is True, "the root is read-only")
    expect(context.get("allowPrivilegeEscalation") is False, "no new privileges")
    expect(context.get("seccompProfile") == {"type": "RuntimeDefault"}, "the runtime's seccomp profile")
    expect(not context.get("privileged") and not context.get("procMount"), "no further doors")
    added = ["SYS_PTRACE"] if kind == "root" else []
    capabilities = context.get("capabilities", {})
    expect(capabilities.get("drop") == ["ALL"] and capabilities.get("add", []) == added, f"capabilities: {added}")
    if kind == "root":
        expect(context.get("runAsUser") == 0, "only user 0 keeps an added capability over exec")
    else:
        expect(context.get("runAsNonRoot") is True and context.get("runAsUser", 0) > 0, "not root, by number")
        expect(context.get("runAsGroup", 0) > 0, "nor root's group")
    expect(bool(pod.get("shareProcessNamespace")) == (kind in ("same", "root")), "processes are shared when asked for")
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        expect(not pod.get(key), f"{key} is never needed")
    expect(not any("hostPath" in volume for volume in pod.get("volumes", [])), "nothing of the host is mounted")
    if kind == "same":
        for service in (c for c in pod["containers"] if c["name"] != "linger"):
            theirs = service.get("securityContext", {})
            for key in ("runAsUser", "runAsGroup"):
                expect(theirs.get(key) == context.get(key), f"{key} is the service's")
            expect(theirs.get("capabilities") == {"drop": ["ALL"]}, "the service holds no capability linger lacks")
    return broken


def about_compose(compose, image):
    """The compose file, as `docker-compose config` reads it."""
    linger = compose["services"]["linger"]
    broken = []
    expect = lambda ok, what: ok or broken.append(what)
    expect(linger.get("network_mode") == "service:app", "linger shares the service's network")
    expect("ports" not in linger and "privileged" not in linger, "nothing is published")
    expect(linger.get("read_only") is True, "the root is read-only")
    expect(linger.get("cap_drop") == ["ALL"] and "cap_add" not in linger, "no capability")
    expect(linger.get("security_opt") == ["no-new-privileges:true"], "no new privileges, the runtime's seccomp profile")
    expect(linger.get("user") == image.user, "the image's user")
    expect(linger.get("image") == image.name, f"the image is {image.name}")
    expect(linger.get("healthcheck", {}).get("test") == ["CMD", *image.probe], "the image's health check")
    expect([v["target"] for v in linger.get("volumes", []) if v["type"] == "volume"] == [image.data], "a volume for data")
    memory = int(linger.get("mem_limit", 0))
    expect(1.5 * PEAK_MEMORY_BYTES <= memory <= 4 * PEAK_MEMORY_BYTES, "memory limit: some headroom over the peak")
    expect(0 < float(linger.get("cpus", 0)) <= 0.25, "at most a quarter of a core")
    return broken


def documents(path):
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def rendered(folder):
    return list(yaml.safe_load_all(subprocess.run(["kubectl", "kustomize", folder], check=True, capture_output=True).stdout))


def invalid(resource, versions):
    """Versions of Kubernetes whose strict schema refuses it, and why."""
    broken = []
    for version in versions:
        try:
            kubernetes_validate.validate(resource, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            broken.append(f"{version}: {error.message[:120]}")
    return broken


def pod_of(resource):
    return resource["spec"]["template"]["spec"]


def workload(kind, name, containers, **pod):
    """A resource as somebody may have it."""
    spec = {
        "selector": {"matchLabels": {"app": name}},
        "template": {
            "metadata": {"labels": {"app": name}},
            "spec": {"containers": [{"name": c, "image": f"example.org/{c}:1"} for c in containers], **pod},
        },
    }
    if kind == "StatefulSet":
        spec["serviceName"] = name
    return {
        "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "labels": {"linger": "watch"}}, "spec": spec,
    }


# Anything the component may meet.
WORKLOADS = [
    workload("Deployment", "one", ["app"]),
    workload("Deployment", "a-name-of-its-own", ["app", "proxy", "shipper", "vault"]),
    workload("Deployment", "with-init", ["app"], initContainers=[{"name": "first", "image": "example.org/first:1"}]),
    workload("Deployment", "with-volumes", ["app"], volumes=[{"name": "data", "emptyDir": {}}]),
    workload("Deployment", "guarded", ["app"], securityContext={"runAsUser": 0, "fsGroup": 7}),
    workload("StatefulSet", "set", ["app", "proxy"]),
    workload("DaemonSet", "daemon", ["app"]),
]


def component(image):
    """The component over every workload: what is broken, and what came out."""
    asked = copy.deepcopy(WORKLOADS)
    for silent in ({}, {"linger": "not"}):
        other = workload("Deployment", f"silent-{len(silent)}", ["app"])
        other["metadata"]["labels"] = silent
        asked.append(other)
    # kubectl refuses absolute paths, and a component outside of what it is given.
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for name in ("kustomization.yaml", "sidecar.yaml"):
            target = folder / "component" / name
            target.parent.mkdir(exist_ok=True)
            target.write_text((KUBERNETES / "component" / name).read_text())
        overlay = folder / "overlay"
        overlay.mkdir()
        (overlay / "all.yaml").write_text(yaml.safe_dump_all(asked))
        lines = {"resources": ["all.yaml"], "components": ["../component"]}
        (overlay / "kustomization.yaml").write_text(yaml.safe_dump(lines))
        got = {r["metadata"]["name"]: r for r in rendered(overlay)}
    broken = []
    for before in asked:
        name = before["metadata"]["name"]
        after = copy.deepcopy(got[name])
        if before["metadata"]["labels"].get("linger") == "watch":
            pod = pod_of(after)
            broken += [f"{name}: {why}" for why in invalid(after, VERSIONS)]
            broken += [f"{name}: {why}" for why in about_the_container(pod, image, "native") + about_privileges(pod, "native")]
            if [c["name"] for c in pod["initContainers"]][0] != "linger":
                broken.append(f"{name}: linger is not the first to start")
            # Without what was added, everything has to be as before.
            pod["initContainers"] = [c for c in pod["initContainers"] if c["name"] != "linger"]
            pod["volumes"] = [v for v in pod["volumes"] if not v["name"].startswith("linger-")]
            for key in ("initContainers", "volumes"):
                if not pod[key]:
                    del pod[key]
        if after != before:
            broken.append(f"{name}: something else was changed")
    return broken


def spoil(thing, path, value):
    """A copy with one value replaced, or removed where it is None."""
    thing = copy.deepcopy(thing)
    at = thing
    for key in path[:-1]:
        at = at[key]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return thing


SPOILED_CONTAINERS = [
    (["restartPolicy"], None),
    (["image"], "linger:latest"),
    (["command"], ["/bin/sh"]),
    (["args"], ["status"]),
    (["ports"], [{"containerPort": 6262}]),
    (["readinessProbe"], {"exec": {"command": ["x"]}}),
    (["startupProbe", "exec", "command"], ["linger", "check"]),
    (["livenessProbe"], {"httpGet": {"port": 6262}}),
    (["livenessProbe", "timeoutSeconds"], 1),
    (["resources", "limits", "memory"], "50Mi"),
    (["resources", "limits", "cpu"], "1"),
    (["resources", "requests"], None),
    (["volumeMounts"], []),
]
SPOILED_PRIVILEGES = [
    (["securityContext", "readOnlyRootFilesystem"], False),
    (["securityContext", "allowPrivilegeEscalation"], None),
    (["securityContext", "seccompProfile"], {"type": "Unconfined"}),
    (["securityContext", "privileged"], True),
    (["securityContext", "capabilities", "drop"], []),
    (["securityContext", "capabilities", "add"], ["SYS_ADMIN"]),
    (["securityContext", "runAsUser"], 1),
    (["securityContext", "runAsGroup"], -1),
]
SPOILED_PODS = [
    (["shareProcessNamespace"], "turned"),
    (["hostPID"], True),
    (["hostNetwork"], True),
    (["volumes", 0], {"name": "linger-data", "hostPath": {"path": "/"}}),
]
SPOILED_COMPOSE = [
    (["network_mode"], "host"),
    (["ports"], ["6262:6262"]),
    (["read_only"], False),
    (["cap_add"], ["SYS_PTRACE"]),
    (["cap_drop"], None),
    (["security_opt"], None),
    (["user"], "0:0"),
    (["healthcheck", "test"], ["NONE"]),
    (["volumes"], []),
    (["mem_limit"], "1"),
    (["cpus"], 2),
]


def unseen(pod, image, kind):
    """Spoiled copies of a good pod in which no rule sees anything."""
    key = "containers" if kind == "plain" else "initContainers"
    at = [key, next(i for i, c in enumerate(pod[key]) if c["name"] == "linger")]
    missed = []
    for path, value in SPOILED_CONTAINERS:
        if kind == "plain" and path == ["restartPolicy"]:
            continue
        if not about_the_container(spoil(pod, at + path, value), image, kind):
            missed.append(f"{path} = {value}")
    for path, value in SPOILED_PRIVILEGES:
        # Any number but root's is as good where the service's does not have to be met.
        if path[-1] == "runAsUser" and kind in ("native", "plain"):
            value = 0
        if path[-1] == "runAsGroup" and kind == "root":
            continue
        if not about_privileges(spoil(pod, at + path, value), kind):
            missed.append(f"{path} = {value}")
    for path, value in SPOILED_PODS:
        if value == "turned":
            value = kind not in ("same", "root")
        if not about_privileges(spoil(pod, path, value), kind):
            missed.append(f"{path} = {value}")
    if not about_the_container(spoil(pod, ["volumes", 0, "emptyDir"], {}), image, kind):
        missed.append("an emptyDir without a limit")
    if pod.get("automountServiceAccountToken") is False:
        if not about_the_container(spoil(pod, ["automountServiceAccountToken"], None), image, kind):
            missed.append("a token")
    return missed


def main():
    version = re.search(r'(?m)^version = "(.*)"', (ROOT / "Cargo.toml").read_text()).group(1)
    image = Image((ROOT / "deploy/container/Dockerfile").read_text(), version)
    rows, commands = [("container/Dockerfile", image.broken)], set()
    commands.add(("probe", *image.probe[1:]))

    kinds = {"sidecar": "native", "container": "plain", "exact-same-uid": "same", "exact-root-ptrace": "root"}
    files = {path.stem: path for path in KUBERNETES.glob("*.yaml")}
    if sorted(files) != sorted(kinds):
        rows.append(("kubernetes/", [f"{sorted(set(files) ^ set(kinds))}: no rule says what these are"]))
    pods = [(f"kubernetes/{name}.yaml", document, kinds[name]) for name in kinds for document in documents(files[name])]
    example = rendered(KUBERNETES / "example")
    watched = [r for r in example if r["metadata"].get("labels", {}).get("linger") == "watch"]
    if len(watched) != 1 or len(example) != 2:
        rows.append(("kubernetes/example", ["one of its two services is watched"]))
    pods += [("kubernetes/example", r, "native") for r in watched]
    for name, resource, kind in pods:
        pod = pod_of(resource)
        broken = invalid(resource, VERSIONS + (VERSIONS_WITHOUT_SIDECARS if kind == "plain" else []))
        # The schema that does not know sidecars has to say so: else it says nothing of the others either.
        if kind != "plain" and not invalid(resource, VERSIONS_WITHOUT_SIDECARS):
            broken.append("a Kubernetes without sidecars takes it")
        broken += about_the_container(pod, image, kind) + about_privileges(pod, kind)
        if not broken:
            broken += [f"no rule sees {missed}" for missed in unseen(pod, image, kind)]
        rows.append((name, broken))
        linger, _ = linger_of(pod)
        commands.add(("agent", *linger["args"]))
        for probe in ("startupProbe", "livenessProbe"):
            commands.add(("probe", *linger[probe]["exec"]["command"][1:]))
    rows.append(("kubernetes/component", component(image)))
    alike = linger_of(pod_of(documents(KUBERNETES / "component/sidecar.yaml")[0]))[0]
    alike["volumeMounts"] = [m for m in alike["volumeMounts"] if m["mountPath"] != TOKEN_PATH]
    if alike != linger_of(pod_of(documents(files["sidecar"])[0]))[0]:
        rows.append(("kubernetes/component", ["its container is not that of sidecar.yaml"]))

    compose = yaml.safe_load(Path(sys.argv[2]).read_text())
    broken = about_compose(compose, image)
    if not broken:
        for path, value in SPOILED_COMPOSE:
            if not about_compose(spoil(compose, ["services", "linger"] + path, value), image):
                broken.append(f"no rule sees {path} = {value}")
    rows.append(("compose.yaml", broken))
    commands.add(("agent", *compose["services"]["linger"]["command"]))

    for name, broken in rows:
        print(f"{name:36} {'FAILED' if broken else 'ok'}")
        for why in broken:
            print(f"    {why}")
    print(f"schemas of Kubernetes {', '.join(VERSIONS)}, strict; container.yaml also {', '.join(VERSIONS_WITHOUT_SIDECARS)}")
    Path(sys.argv[3]).write_text("".join(" ".join(line) + "\n" for line in sorted(commands)))
    return 1 if any(broken for _, broken in rows) else 0


sys.exit(main())
