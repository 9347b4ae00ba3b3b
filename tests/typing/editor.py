"""What an editor shows, asked for as an editor does it: from a language server, by its protocol."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


class Editor:
    """An editor with an empty folder open. A program's cursor is where it has a '|'."""

    def __init__(self, folder: Path, root: Path) -> None:
        settings = {"venvPath": str(root), "venv": ".venv", "extraPaths": [str(root)]}
        (folder / "pyrightconfig.json").write_text(json.dumps(settings))
        server = Path(sys.executable).with_name("basedpyright-langserver")
        self._server = subprocess.Popen(
            [server, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._folder, self._asked = folder.as_uri(), 0
        folders = [{"uri": self._folder, "name": folder.name}]
        self._ask("initialize", processId=None, rootUri=self._folder, workspaceFolders=folders, capabilities={})
        self._send(method="initialized", params={})

    def end(self) -> None:
        """Close the editor."""
        self._server.kill()
        self._server.communicate()

    def completions(self, program: str) -> list[str]:
        """What may follow at the cursor."""
        found = self._at("textDocument/completion", program)
        return [str(one["label"]) for one in found["items"]]

    def parameters(self, program: str) -> list[dict[str, str]]:
        """The parameters of the call around the cursor, each as `label` and `documentation`; those of all overloads."""
        found = self._at("textDocument/signatureHelp", program)
        return [
            {"label": str(one["label"]), "documentation": _text(one.get("documentation", ""))}
            for signature in found["signatures"]
            for one in signature["parameters"]
        ]

    def _at(self, method: str, program: str) -> Any:
        before, _, after = program.partition("|")
        uri = f"{self._folder}/program{self._asked}.py"
        document = {"uri": uri, "languageId": "python", "version": 1, "text": before + after}
        self._send(method="textDocument/didOpen", params={"textDocument": document})
        position = {"line": before.count("\n"), "character": len(before.rpartition("\n")[2])}
        return self._ask(method, textDocument={"uri": uri}, position=position)

    def _ask(self, method: str, **params: Any) -> Any:
        self._asked += 1
        self._send(id=self._asked, method=method, params=params)
        while True:
            message = self._receive()
            if "method" in message and "id" in message:  # the server asks, too
                items = message["params"].get("items", []) if isinstance(message.get("params"), dict) else []
                self._send(id=message["id"], result=[None for _ in items])
            elif message.get("id") == self._asked:
                assert "error" not in message, message
                return message["result"]

    def _send(self, **message: Any) -> None:
        assert self._server.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._server.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._server.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        assert self._server.stdout is not None
        length = 0
        while line := self._server.stdout.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        assert length, "the language server has ended"
        message: dict[str, Any] = json.loads(self._server.stdout.read(length))
        return message


def _text(documentation: Any) -> str:
    return str(documentation["value"] if isinstance(documentation, dict) else documentation)
