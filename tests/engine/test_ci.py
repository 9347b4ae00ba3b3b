"""The recipes for CI, with the real engine: their own steps, on runners that are cancelled and lost.

States and the ledger are in one bucket of a real S3 server; each runner has a home and a clone of its own. What GitHub,
GitLab and Kubernetes do to a job is what they document: docs/how-to/ci.md.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from obstore.store import S3Store

from tests import storage
from tests.built import constraints
from tests.engine.runner import (
    GITHUB,
    GITLAB,
    KUBERNETES,
    RECIPES,
    ROOT,
    GitHubJob,
    Runner,
    Started,
    github_jobs,
    gitlab_environ,
    gitlab_job,
    gitlab_jobs,
    gitlab_script,
    load,
)
from tests.engine.stack import until
from tests.pages import blocks
from tests.vod import LocalVod
from vod_provider.audio.operation import GOES_ON
from vod_provider.config import settings
from vod_provider.plugin.billed_again import BilledAgain
from vod_provider.vod.signing import AccessKey

PAGE = (ROOT / "docs/how-to/ci.md").read_text()
KEYS = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "hidden-bucket-key"}
VOD_KEYS = {"HW_ACCESS_KEY": "local-access-key", "HW_SECRET_KEY": "local-secret-key"}
PASSPHRASE = "hidden-passphrase"
SLOW_S = 6
"""How long an extraction takes where it is interrupted: a run has asked for both audios long before."""
GITHUB_SIGINT_S = 7.5
"""How long GitHub waits after SIGINT before it sends SIGTERM; 2.5 s later it kills. Source: its 'Workflow cancellation
reference'."""


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3 server."""
    with storage.served() as address:
        yield address


class Team:
    """A repository with the recipes and a stack `prod`, and the runners that its jobs get."""

    def __init__(self, folder: Path, engine: Path, installed: Path, vod: LocalVod, s3: str) -> None:
        self.vod, self._s3, self._folder = vod, s3, folder
        self._engine, self._installed, self._runners = engine, installed, 0
        self._bucket = re.sub(r"\W", "-", folder.name).strip("-").lower()[:60]
        assert requests.put(f"{s3}/{self._bucket}", timeout=10).ok
        self.backend = f"s3://{self._bucket}?endpoint={s3}&region=us-east-1&s3ForcePathStyle=true"
        self.environ = {"PULUMI_BACKEND_URL": self.backend, "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE, **KEYS}
        self.repository = folder / "repository"
        shutil.copytree(RECIPES, self.repository, ignore=shutil.ignore_patterns(".venv", "__pycache__"))
        runner = self.runner()
        done = runner.run("pulumi stack init prod", self.environ)
        assert done.ok, done.text
        # The secrets are not in the stack's file: the jobs that call VOD have them in their environment.
        settings = {name: value for name, value in vod.config.items() if not name.endswith("Key")}
        settings |= {f"ci:{name}": video(vod, name) for name in ("opening", "closing")} | {"vod:journal": self.backend}
        stack = yaml.safe_load((runner.clone / "Pulumi.prod.yaml").read_text()) | {"config": settings}
        (self.repository / "Pulumi.prod.yaml").write_text(yaml.safe_dump(stack))
        vod.forget_calls()

    def runner(self, *, has_environment: bool = True) -> Runner:
        """A new machine; with or without what the step `Install` makes."""
        self._runners += 1
        installed = self._installed if has_environment else None
        return Runner(self._folder / f"runner{self._runners}", self.repository, self._engine, installed)

    def github(self, name: str, runner: Runner | None = None, **values: Any) -> GitHubJob:
        """A job of the workflow, on a new runner unless one is given. `values` are what the event brings."""
        stored = {f"secrets.{key}": value for key, value in (self.environ | VOD_KEYS).items()}
        stored |= {"vars.PULUMI_BACKEND_URL": self.backend, "github.token": "hidden-token"}
        return GitHubJob(
            runner or self.runner(), name, stored | {key.replace("_", ".", 1): it for key, it in values.items()}
        )

    def gitlab(self, name: str, environ: dict[str, str] | None = None) -> Started:
        """A job of the pipeline, begun on a new runner."""
        variables = {"*": self.environ, "prod": VOD_KEYS, "preview": {"GITLAB_TOKEN": "hidden-token"}}
        return self.runner().start(gitlab_script(name), gitlab_environ(name, variables) | (environ or {}))

    def kubernetes(self) -> Started:
        """A pod of the job, begun on a new node."""
        (container,) = load(KUBERNETES)["spec"]["template"]["spec"]["containers"]
        environ = {entry["name"]: entry["value"] for entry in container["env"]}
        runner = self.runner()
        environ |= runner.environ | self.environ | VOD_KEYS
        return Started(container["command"], runner.clone, environ)

    def state(self) -> dict[str, str]:
        """The ids of the audios in the state, by name, as a new machine reads them."""
        done = self.runner().run("pulumi stack export --stack prod 2>/dev/null", self.environ)
        resources = json.loads(done.text)["deployment"].get("resources", [])
        return {it["urn"].rpartition("::")[2]: it["id"] for it in resources if it["type"].endswith("ExtractedAudio")}

    def objects(self) -> bytes:
        """All that lies in the bucket."""
        bucket = S3Store(
            self._bucket,
            endpoint=self._s3,
            region="us-east-1",
            access_key_id="AK",
            secret_access_key="SK",
            client_options={"allow_http": True},
        )
        return b"".join(bytes(bucket.get(it["path"]).bytes()) for page in bucket.list() for it in page)

    def is_made(self) -> None:
        """Each of the two audios was asked for once, is in the state, and is all that VOD has."""
        assert self.vod.accepted() == 2
        assert sorted(self.state()) == ["closing", "opening"]
        assert sorted(self.vod.audio_ids()) == sorted(self.state().values())


@pytest.fixture
def team(tmp_path: Path, engine: Path, installed: Path, vod: LocalVod, s3: str) -> Team:
    """A team's repository."""
    return Team(tmp_path, engine, installed, vod, s3)


def video(vod: LocalVod, title: str) -> str:
    """A video of 2 s, uploaded without a process of its own; returns its asset id."""
    asset_id, url = vod.announced(title)
    vod.arrived(asset_id, url)
    return asset_id


class Forge:
    """The API for comments of GitHub and of GitLab, as far as the recipes use it: pages, changes and refusals."""

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = [{"id": 1, "body": "Looks good"}]
        self.asked: list[tuple[str, str]] = []
        forge = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                size, page = (int(re.findall(rf"\b{name}=(\d+)", self.path)[0]) for name in ("per_page", "page"))
                self._answer(forge.comments[(page - 1) * size : page * size])

            def do_POST(self) -> None:
                forge.comments.append({"id": len(forge.comments) + 1, "body": self._body()})
                self._answer(forge.comments[-1])

            def do_PATCH(self) -> None:
                forge.comments[int(self.path.rpartition("/")[2]) - 1]["body"] = self._body()
                self._answer({})

            def do_PUT(self) -> None:
                self.do_PATCH()

            def _body(self) -> str:
                return str(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"])

            def _answer(self, body: Any) -> None:
                forge.asked.append((self.command, self.path.partition("?")[0]))
                token = self.headers["Authorization"] or f"Bearer {self.headers['PRIVATE-TOKEN']}"
                assert token == "Bearer hidden-token"
                content = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def end(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def forge() -> Iterator[Forge]:
    """What comments are written to."""
    one = Forge()
    yield one
    one.end()


# -- the files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recipe", "options"),
    [
        (GITHUB, ["--builtin-schema", "vendor.github-workflows"]),
        (GITLAB, ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"]),
    ],
    ids=["github", "gitlab"],
)
def test_a_recipe_keeps_to_the_schema(recipe: Path, options: list[str]) -> None:
    """The schema that editors use for such files finds nothing wrong."""
    checker = Path(sys.executable).with_name("check-jsonschema")
    done = subprocess.run([checker, *options, recipe], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def scripts() -> dict[str, str]:
    """All shell of the recipes."""
    found = {
        f"github {name}: {step['name']}": step["run"]
        for name, job in load(GITHUB)["jobs"].items()
        for step in job["steps"]
        if "run" in step
    }
    names = [name for name in load(GITLAB) if "script" in gitlab_job_or_nothing(name)]
    return found | {f"gitlab {name}": gitlab_script(name, install=True) for name in names}


def gitlab_job_or_nothing(name: str) -> dict[str, Any]:
    return gitlab_job(name) if isinstance(load(GITLAB)[name], dict) and name != "variables" else {}


def test_shellcheck_finds_nothing(tmp_path: Path) -> None:
    """The linter for shell has nothing to say about any step."""
    for name, script in scripts().items():
        (tmp_path / f"{name}.sh").write_text(f"set -eo pipefail\n{script}\n")
    linter = Path(sys.executable).with_name("shellcheck")
    files = sorted(tmp_path.glob("*.sh"))
    assert len(files) >= 10
    done = subprocess.run([linter, "--shell=bash", *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


MAIN = {"github.ref": "refs/heads/main"}
OURS = {"github.repository": "team/audios", "github.event.pull_request.head.repo.full_name": "team/audios"}
FORK = OURS | {"github.event.pull_request.head.repo.full_name": "else/audios"}


@pytest.mark.parametrize(
    ("event", "jobs"),
    [
        (OURS | {"github.event_name": "pull_request"}, ["preview"]),
        (FORK | {"github.event_name": "pull_request"}, []),
        (MAIN | {"github.event_name": "push"}, ["up"]),
        (MAIN | {"github.event_name": "schedule"}, ["orphans"]),
        (MAIN | {"github.event_name": "workflow_dispatch"}, ["up"]),
        ({"github.event_name": "workflow_dispatch", "github.ref": "refs/heads/try"}, []),
    ],
    ids=["pull request", "fork", "push", "schedule", "by hand", "by hand, elsewhere"],
)
def test_what_runs_on_github(event: dict[str, str], jobs: list[str]) -> None:
    """Each event starts the jobs that the page says, and only main is brought up."""
    assert github_jobs(event) == jobs


BRANCHES = {"$CI_DEFAULT_BRANCH": "main", "$CI_COMMIT_BRANCH": "main"}


@pytest.mark.parametrize(
    ("event", "jobs"),
    [
        ({"$CI_PIPELINE_SOURCE": "merge_request_event", "$CI_DEFAULT_BRANCH": "main"}, {"preview": "on_success"}),
        (BRANCHES | {"$CI_PIPELINE_SOURCE": "push"}, {"up": "on_success", "after-lost-runner": "manual"}),
        (BRANCHES | {"$CI_PIPELINE_SOURCE": "schedule"}, {"orphans": "on_success"}),
        (BRANCHES | {"$CI_PIPELINE_SOURCE": "push", "$CI_COMMIT_BRANCH": "try"}, {}),
    ],
    ids=["merge request", "push", "schedule", "push elsewhere"],
)
def test_what_runs_on_gitlab(event: dict[str, str], jobs: dict[str, str]) -> None:
    """Each pipeline has the jobs that the page says, and only the default branch is brought up."""
    assert gitlab_jobs(event) == jobs


def test_the_comment_of_the_page() -> None:
    """What the page shows of the comment is what the script makes of a preview."""
    path = str(RECIPES / "comment.py")
    comment = runpy.run_path(path)["comment"]
    billed = BilledAgain()
    billed.note(312)
    preview = (
        " +  vod:index:ExtractedAudio opening create\n +  a:b/c:ExtractedAudio closing create\n    " + billed.line()
    )
    (shown,) = [block for block in blocks(PAGE, "text") if "billed again" in block]
    assert shown in comment(preview, "success")
    assert "Nothing is billed." in comment("Resources:\n    3 unchanged\n", "success")
    assert len(comment("x" * 100_000, "success")) < 65_536


def test_the_environment_for_esc() -> None:
    """Each name that the page puts into an ESC environment is one that the provider or the storage reads."""
    (environment,) = [yaml.safe_load(block)["values"] for block in blocks(PAGE, "yaml")]
    config = environment["pulumiConfig"]
    assert set(config) <= set(settings.NAMES)
    environ = {
        name: value["fn::secret"] if isinstance(value, dict) else value
        for name, value in environment["environmentVariables"].items()
    }
    assert set(environ) == {*KEYS, *VOD_KEYS}
    found = settings.load(config, environ | {"HOME": "/home/ann"})
    assert found.at(None, None).credentials == AccessKey("AK", "SK")
    assert str(found.ledger) == "s3://my-bucket"


def test_runs_of_the_stack_do_not_overlap() -> None:
    """Whatever calls VOD waits for the run before it, and no newer push cancels it."""
    jobs = load(GITHUB)["jobs"]
    for name in ("up", "orphans"):
        assert jobs[name]["concurrency"] == {"group": "audios-prod", "cancel-in-progress": False}
    for name in ("up", "after-lost-runner", "orphans"):
        job = gitlab_job(name)
        assert (job["resource_group"], job["interruptible"], job["environment"]) == ("prod", False, "prod")


# -- GitHub ------------------------------------------------------------------------------------------------------------


def test_from_a_pull_request_to_main_and_on(team: Team, forge: Forge) -> None:
    """Previews say what is billed in one comment and call VOD for nothing; main brings it up; orphans are found."""
    pull: dict[str, Any] = {"github_event.pull_request.number": 7, "api": forge.url}
    done = team.github("preview", **pull).run()
    assert done.ok, done.text
    assert team.vod.calls() == []
    first = forge.comments[-1]["body"]
    assert "- 2 to create, each billed by the duration of its video: closing, opening\n" in first
    assert "ExtractedAudio opening create" in first

    assert team.github("up").run().ok
    team.is_made()
    assert team.github("up").run().ok

    program = (team.repository / "__main__.py").read_text()
    (team.repository / "__main__.py").write_text(program.replace('title="Opening talk"', 'format="AAC"'))
    team.vod.forget_calls()
    assert team.github("preview", **pull).run().ok
    assert team.vod.calls() == []
    assert len(forge.comments) == 2
    again = forge.comments[-1]["body"]
    assert "\n- 1 audio will be extracted again and billed again: 2 s of sound\n" in again
    assert "to create, each" not in again
    assert forge.asked[-1] == ("PATCH", "/repos/team/audios/issues/comments/2")

    left = team.runner().run(f"pulumi state delete --yes '{URN}::closing'", team.environ | {"PULUMI_STACK": "prod"})
    assert left.ok, left.text
    assert team.github("orphans").run().ok, "what is younger than an hour may be a running run's"
    found = team.github("orphans").run(change=("--json", "--json --older-than 0s"))
    assert not found.ok
    assert "'orphaned': {'count': 1" in found.text
    for secret in (PASSPHRASE, *KEYS.values(), *VOD_KEYS.values(), "hidden-token"):
        assert secret == "AK" or secret.encode() not in team.objects(), secret


URN = "urn:pulumi:prod::ci::pulumi-python:dynamic/vod:ExtractedAudio"


def test_a_runner_with_nothing_on_it(team: Team, forge: Forge, distributions: Path, tmp_path: Path) -> None:
    """All steps, `Install` too, with the wheel as an index would have it; a preview that fails is a failed job."""
    (team.repository / "__main__.py").write_text("import vod_provider\nraise ValueError(vod_provider.__file__)")
    runner = team.runner(has_environment=False)
    for name in ("PYTHONPATH", "PIP_PATH"):
        del runner.environ[name]
    runner.environ |= {"PIP_FIND_LINKS": str(distributions), "PIP_CONSTRAINT": str(constraints(tmp_path))}
    pull: dict[str, Any] = {"github_event.pull_request.number": 7, "api": forge.url}
    done = team.github("preview", runner, **pull).run(install=True)
    assert not done.ok
    comment = forge.comments[-1]["body"]
    assert "The preview failed." in comment
    assert re.search(rf"ValueError: {re.escape(str(runner.clone))}/\.venv/\S+/vod_provider/", comment), comment


def test_cancelled_and_lost_on_github(team: Team) -> None:
    """GitHub's first signal ends a cancelled job; the next one loses its runner; `unlock` goes on with both audios."""
    team.vod.timed(SLOW_S)
    step = team.github("up").start("Up")
    step.until(" extracting")
    until(lambda: team.vod.accepted() == 2)
    os.kill(step.pid, signal.SIGINT)
    said = step.end(GITHUB_SIGINT_S)
    assert not said.ok
    assert said.text.count("stopped; the next `pulumi up` goes on with it, and it is billed once") == 2

    lost = team.github("up")
    step = lost.start("Up")
    step.until(" extracting")
    step.signal_all(signal.SIGKILL)
    step.end()
    lost.runner.lose()

    locked = team.github("up").run()
    assert not locked.ok
    assert "the stack is currently locked" in locked.text
    assert team.github("up", inputs_unlock=True).run().ok
    team.is_made()
    assert "pending operations" not in team.github("up").run().text


# -- GitLab ------------------------------------------------------------------------------------------------------------


def merge_request(forge: Forge) -> dict[str, str]:
    return {"CI_API_V4_URL": f"{forge.url}/api/v4", "CI_PROJECT_ID": "5", "CI_MERGE_REQUEST_IID": "8"}


def test_a_merge_request_on_gitlab(team: Team, forge: Forge) -> None:
    """The preview is written to the merge request, is replaced by the next one, and its failure is the job's."""
    assert team.gitlab("preview", merge_request(forge)).end().ok
    assert "2 to create" in forge.comments[-1]["body"]
    (team.repository / "__main__.py").write_text("raise ValueError('no such talk')")
    assert not team.gitlab("preview", merge_request(forge)).end().ok
    assert "The preview failed." in forge.comments[-1]["body"]
    assert forge.asked[-1] == ("PUT", "/api/v4/projects/5/merge_requests/8/notes/2")
    assert len(forge.comments) == 2
    assert team.vod.calls() == []


def test_cancelled_and_lost_on_gitlab(team: Team) -> None:
    """All processes of a cancelled job get SIGTERM; the next one loses its runner; the manual job goes on."""
    team.vod.timed(SLOW_S)
    step = team.gitlab("up")
    until(lambda: team.vod.accepted() == 2)
    step.signal_all(signal.SIGTERM)
    cancelled = step.end(10)
    assert not cancelled.ok
    assert GOES_ON in cancelled.text
    assert "connection" not in cancelled.text

    step = team.gitlab("up")
    step.until(" extracting")
    step.signal_all(signal.SIGKILL)
    step.end()

    assert "the stack is currently locked" in team.gitlab("up").end().text
    done = team.gitlab("after-lost-runner").end()
    assert done.ok, done.text
    team.is_made()
    assert team.gitlab("orphans").end().ok


# -- Kubernetes --------------------------------------------------------------------------------------------------------


def test_a_pod_that_is_evicted(team: Team) -> None:
    """SIGTERM to the container's main process: it ends within its grace period, and the next pod goes on."""
    team.vod.timed(SLOW_S)
    pod = team.kubernetes()
    pod.until(" extracting")
    until(lambda: team.vod.accepted() == 2)
    os.kill(pod.pid, signal.SIGTERM)
    grace = load(KUBERNETES)["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert not pod.end(grace).ok
    assert team.kubernetes().end().ok
    team.is_made()
