"""Write the preview of this job to its pull request or merge request, as one comment that later runs replace.

    python comment.py preview.txt OUTCOME    OUTCOME: how the preview ended, 'success' or anything else

What the job's environment has says where to: GITHUB_TOKEN, GITHUB_REPOSITORY, GITHUB_API_URL and PULL_REQUEST; or
GITLAB_TOKEN, CI_PROJECT_ID, CI_API_V4_URL and CI_MERGE_REQUEST_IID. Standard library only.
"""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.request
from pathlib import Path
from typing import Any

MARK = "<!-- pulumi preview -->"
"""Begins the comment, so that the next run finds it. A reader does not see it."""
LIMIT = 60_000
"""Characters of the preview that are shown. GitHub takes comments of up to 65,536."""


def comment(preview: str, outcome: str) -> str:
    """The comment's text: what is billed, then the whole preview, folded up."""
    billed = re.findall(r"^ +(\d+ audios? will be extracted again.*)", preview, re.MULTILINE)[:1]
    created = sorted(set(re.findall(r"^ \+ +\S+:ExtractedAudio (\S+) create", preview, re.MULTILINE)))
    if created:
        billed.append(f"{len(created)} to create, each billed by the duration of its video: {', '.join(created)}")
    summary = "\n".join(f"- {line}" for line in billed) or "Nothing is billed."
    if outcome != "success":
        summary = "The preview failed."
    shown = preview if len(preview) <= LIMIT else preview[:LIMIT] + "\n... (the rest is in the job's log)"
    return f"{MARK}\n{summary}\n\n<details><summary>Preview</summary>\n\n````text\n{shown}\n````\n\n</details>\n"


def ask(method: str, url: str, headers: dict[str, str], body: dict[str, str] | None = None) -> Any:
    """One request to the API, with JSON both ways. Raises urllib.error.HTTPError for a refusal."""
    data = None if body is None else json.dumps(body).encode()
    headers = {**headers, "Content-Type": "application/json"}
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - the URL is CI's own
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return json.load(answer)


def publish(text: str) -> None:
    """Replace the comment of an earlier run, or write the first one."""
    env = os.environ
    if "GITHUB_ACTIONS" in env:
        headers = {"Authorization": f"Bearer {env['GITHUB_TOKEN']}", "Accept": "application/vnd.github+json"}
        repository = f"{env['GITHUB_API_URL']}/repos/{env['GITHUB_REPOSITORY']}"
        every = f"{repository}/issues/{env['PULL_REQUEST']}/comments"
        one, change = f"{repository}/issues/comments", "PATCH"
    else:
        headers = {"PRIVATE-TOKEN": env["GITLAB_TOKEN"]}
        request = f"projects/{env['CI_PROJECT_ID']}/merge_requests/{env['CI_MERGE_REQUEST_IID']}"
        every = one = f"{env['CI_API_V4_URL']}/{request}/notes"
        change = "PUT"
    page = 1
    while found := ask("GET", f"{every}?per_page=100&page={page}", headers):
        for earlier in found:
            if earlier["body"].startswith(MARK):
                ask(change, f"{one}/{earlier['id']}", headers, {"body": text})
                return
        page += 1
    ask("POST", every, headers, {"body": text})


if __name__ == "__main__":
    publish(comment(Path(sys.argv[1]).read_text(), sys.argv[2]))
