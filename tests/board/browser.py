"""A Chromium of its own for a test, driven through its DevTools protocol."""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE = 15.0
"""Seconds until the page has to show what a test waits for."""
_KEYS = {"Enter": (13, "\r"), "Escape": (27, ""), "Tab": (9, "")}


class Browser:
    """One page."""

    def __init__(self, folder: Path) -> None:
        """Start it with a profile in `folder`, which is empty."""
        flags = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage")
        switches = (f"--user-data-dir={folder}", "--remote-debugging-port=0", "--disable-background-networking")
        self._process = subprocess.Popen(
            [str(PROGRAM), *flags, *switches, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        port = _until(lambda: _port(folder / "DevToolsActivePort"), lambda: "Chromium's port")
        pages = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=PATIENCE))
        address = next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page")
        self._end = ExitStack()
        self._socket = self._end.enter_context(connect(address, max_size=None, compression=None))
        self._numbers = itertools.count(1)
        self.errors: list[str] = []
        """What the page complained of: uncaught errors, refused parts, failed loads."""
        for domain in ("Page", "Runtime", "Log"):
            self._ask(f"{domain}.enable")

    def close(self) -> None:
        """End it."""
        self._end.close()
        self._process.kill()
        self._process.wait()

    def open(self, url: str) -> None:
        """Go to a page."""
        self._ask("Page.navigate", url=url)

    def look(self, expression: str) -> Any:
        """The value of a JavaScript expression on the page."""
        answer = self._ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, expression: str) -> Any:
        """Until an expression is true; returns its value."""
        guarded = f"(() => {{ try {{ return {expression} }} catch {{ return false }} }})()"
        return _until(lambda: self.look(guarded), lambda: f"{expression}\n{self.text()}\n{self.errors}")

    def text(self) -> str:
        """What a person reads."""
        return str(self.look("document.body?.innerText"))

    def click(self, selector: str) -> None:
        """Click on an element once it is there."""
        quoted = json.dumps(selector)
        self.wait(f"!!document.querySelector({quoted})")
        self.look(f"document.querySelector({quoted}).click()")

    def press(self, *keys: str) -> None:
        """Press keys one after the other, wherever the focus is."""
        for key in keys:
            code, text = _KEYS[key] if key in _KEYS else (ord(key.upper()), key)
            more = {"key": key, "windowsVirtualKeyCode": code, **({"text": text} if text else {})}
            self._ask("Input.dispatchKeyEvent", type="keyDown", **more)
            self._ask("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def resize(self, width: int, height: int = 900, *, dark: bool = False) -> None:
        """Take a size in pixels, and a colour scheme."""
        self._ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._ask("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self, path: Path) -> Path:
        """A screenshot as PNG."""
        path.write_bytes(base64.b64decode(self._ask("Page.captureScreenshot", format="png")["data"]))
        return path

    def _ask(self, method: str, **params: Any) -> Any:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv(timeout=PATIENCE))
            if message.get("id") == number:
                assert "error" not in message, message["error"]
                return message["result"]
            self._notice(message)

    def _notice(self, message: dict[str, Any]) -> None:
        if message.get("method") == "Runtime.exceptionThrown":
            self.errors.append(message["params"]["exceptionDetails"].get("exception", {}).get("description", "error"))
        elif message.get("method") == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
            entry = message["params"]["entry"]
            self.errors.append(f"{entry['text']} {entry.get('url', '')}")


def _port(file: Path) -> str:
    return file.read_text().splitlines()[0] if file.exists() and file.read_text().strip() else ""


def _until(look: Callable[[], Any], what: Callable[[], str]) -> Any:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not there after {PATIENCE:g} s: {what()}")
