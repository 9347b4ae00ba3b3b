"""Runners of CI: each has a clone and a home of its own, and runs the steps of a recipe in examples/ci as they are.

What a runner does with `uses:` (the checkout, Python, Pulumi) is there already, and so is the environment that the step
`Install` makes, unless a test runs that step, too.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.engine.stack import NOTHING, Result

ROOT = Path(__file__).resolve().parents[2]
RECIPES = ROOT / "examples/ci"
GITHUB = RECIPES / ".github/workflows/audios.yml"
GITLAB = RECIPES / ".gitlab-ci.yml"
KUBERNETES = RECIPES / "job.yaml"
SHELL = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
"""What GitHub runs a step with that says `shell: bash`. GitLab sets the same options in its own way."""
LIMIT_S = 120


class Started(subprocess.Popen[str]):
    """A step that runs. It has a session of its own, so that all its processes are known by that."""

    def __init__(self, command: list[str], folder: Path, environ: Mapping[str, str]) -> None:
        super().__init__(
            command,
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.said = ""

    def until(self, word: str) -> None:
        """Read what it says until a line has `word` in it."""
        assert self.stdout is not None
        for line in self.stdout:
            self.said += line
            if word in line:
                return
        raise AssertionError(self.said)

    def family(self) -> list[int]:
        """The ids of its processes, the latest first."""
        found = []
        for process in Path("/proc").iterdir():
            if process.name.isdigit():
                try:
                    session = (process / "stat").read_text().rpartition(")")[2].split()[3]
                except OSError:
                    continue
                if int(session) == self.pid:
                    found.append(int(process.name))
        return sorted(found, reverse=True)

    def signal_all(self, number: signal.Signals) -> None:
        """Signal each of its processes, the latest first."""
        for process in self.family():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

    def end(self, seconds: float = LIMIT_S) -> Result:
        """Wait until it has ended by itself; it fails the test if it takes longer."""
        try:
            rest, _ = self.communicate(timeout=seconds)
        finally:
            self.signal_all(signal.SIGKILL)
        return Result(self.returncode, self.said + rest)


class Runner:
    """A machine that a job runs on."""

    def __init__(self, folder: Path, repository: Path, engine: Path, installed: Path | None) -> None:
        """A clone of the repository, and a home with nothing in it. `engine` is the folder with Pulumi.

        `installed` is the environment that `Install` would make; None: that step has to make it.
        """
        self.clone, self.home = folder / "clone", folder / "home"
        shutil.copytree(repository, self.clone)
        self.home.mkdir()
        programs = folder / "programs"
        programs.mkdir()
        (programs / "python").symlink_to(getattr(sys, "_base_executable", sys.executable))
        if installed is not None:
            (self.clone / ".venv").symlink_to(installed)
        self.environ = {
            # The program `python` is what setup-python, or the image, brings.
            "PATH": f"{engine}:{programs}:/usr/bin:/bin",
            "HOME": str(self.home),
            "CI": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            # For the speed of it, as in stack.py.
            "PYTHONPATH": str(NOTHING),
            "PIP_PATH": str(self.home),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }

    def start(self, script: str, environ: Mapping[str, str]) -> Started:
        """Begin a step."""
        file = self.home / "step.sh"
        file.write_text(script)
        return Started([*SHELL, str(file)], self.clone, {**self.environ, **environ})

    def run(self, script: str, environ: Mapping[str, str]) -> Result:
        """Run a step to its end."""
        return self.start(script, environ).end()

    def lose(self) -> None:
        """The machine is gone, and all that was on its disk."""
        shutil.rmtree(self.home)
        shutil.rmtree(self.clone)


def load(recipe: Path) -> Any:
    """A recipe as data. In YAML 1.1 the key `on` means true: here it stays a word."""
    loaded = yaml.safe_load(recipe.read_text())
    return {("on" if key is True else key): value for key, value in loaded.items()}


# -- GitHub ------------------------------------------------------------------------------------------------------------


def github_jobs(event: Mapping[str, Any]) -> list[str]:
    """The jobs that run on an event, by their conditions. `event` has what those look at, as 'github.ref'."""
    return [name for name, job in load(GITHUB)["jobs"].items() if holds(job.get("if", "true"), event)]


def holds(condition: str, event: Mapping[str, Any]) -> bool:
    """Whether a condition of GitHub's or GitLab's holds; what the event does not say is empty."""
    python = condition.replace("&&", " and ").replace("||", " or ").replace("!cancelled()", "True")
    parts = re.split(r"('[^']*'|\"[^\"]*\")", python)
    for index in range(0, len(parts), 2):
        parts[index] = re.sub(
            r"\$\w+|\b(?:github|inputs)(?:\.\w+)+", lambda found: repr(event.get(found[0], "")), parts[index]
        )
    return bool(eval("".join(parts), {"true": True}))


class GitHubJob:
    """A job of the workflow on one runner, with the secrets and variables that it asks for and no others."""

    def __init__(self, runner: Runner, name: str, values: Mapping[str, Any]) -> None:
        """`values` has what stands between `${{` and `}}`, as 'secrets.HW_ACCESS_KEY', and what conditions look at."""
        workflow = load(GITHUB)
        self.runner, self.values = runner, dict(values)
        self.job = workflow["jobs"][name]
        self._environ = self._filled(workflow["env"]) | self._filled(self.job.get("env", {}))
        self._environ |= {"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "team/audios"}
        self._environ["GITHUB_API_URL"] = values.get("api", "http://127.0.0.1:9")

    def run(self, *, install: bool = False, change: tuple[str, str] = ("", "")) -> Result:
        """Run the steps one after another, as far as they succeed; one with a condition of its own by that.

        `change` has words of the steps, and what the test has in their place.
        """
        said, failed = "", 0
        for step in self._steps(install=install):
            condition = step.get("if", "true")
            if holds(condition, self.values) and (not failed or "cancelled()" in condition):
                done = self.runner.run(step["run"].replace(*change), self._environ_of(step))
                said, failed = said + done.text, failed or done.returncode
                self.values[f"steps.{step.get('id')}.outcome"] = "failure" if done.returncode else "success"
        return Result(failed, said)

    def start(self, name: str) -> Started:
        """Begin the step of that name, those before it being done."""
        for step in self._steps():
            if step["name"] == name:
                return self.runner.start(step["run"], self._environ_of(step))
            assert not holds(step.get("if", "true"), self.values), step
        raise AssertionError(name)

    def _steps(self, *, install: bool = False) -> list[dict[str, Any]]:
        return [step for step in self.job["steps"] if "run" in step and (install or step["name"] != "Install")]

    def _environ_of(self, step: dict[str, Any]) -> dict[str, str]:
        return self._environ | self._filled(step.get("env", {}))

    def _filled(self, environ: Mapping[str, str]) -> dict[str, str]:
        return {
            name: re.sub(r"\$\{\{ (\S+) \}\}", lambda found: str(self.values[found[1]]), value)
            for name, value in environ.items()
        }


# -- GitLab ------------------------------------------------------------------------------------------------------------


def gitlab_job(name: str) -> dict[str, Any]:
    """A job with what it extends."""
    job: dict[str, Any] = load(GITLAB)[name]
    return gitlab_job(job["extends"]) | job if "extends" in job else job


def gitlab_jobs(event: Mapping[str, Any]) -> dict[str, str]:
    """The jobs of a pipeline, each with when it runs. `event` has GitLab's variables, as '$CI_COMMIT_BRANCH'."""
    found = {}
    for name in load(GITLAB):
        for rule in gitlab_job(name).get("rules", []) if name not in {"image", "stages", "variables"} else []:
            if holds(rule["if"], event):
                found[name] = rule.get("when", "on_success")
                break
    return found


def gitlab_script(name: str, *, install: bool = False) -> str:
    """The lines of a job as one script."""
    job = gitlab_job(name)
    return "\n".join([*(job["before_script"] if install else []), *job["script"]])


def gitlab_environ(name: str, variables: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """What a job has in its environment. `variables` has those of the project, by their environment or '*'."""
    scope = gitlab_job(name)["environment"]
    scope = scope["name"] if isinstance(scope, dict) else scope
    return {**load(GITLAB)["variables"], **variables["*"], **variables[scope]}
