"""A browser for the module and a stub for the test."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from browser import PROGRAM, Browser

JOBS = "/api/v1/orchestrator/jobs"


class Served:
    """A stub in a process of its own."""

    def __init__(self, *flags: str) -> None:
        """Serve with these flags until `close`."""
        command = [sys.executable, "-m", "orchestrator_stub", "serve", "--port", "0", "--s3", "off", *flags]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = self._process.stdout.readline().split()[-1]
        self.board = f"{self.url}/stub/"

    def ask(self, method: str, path: str, body=None):
        """The answer of the stub as plain values."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        return json.load(urllib.request.urlopen(request, timeout=30))

    def submit(self, name: str, *command: str, count: int = 1, **more) -> str:
        """Submit a job of a shell command; returns its id."""
        params = {"Image": "busybox:1.36", **({"Entrypoint": ["/bin/sh", "-c"], "Parameters": [*command]} if command else {})}
        task = {"Name": "main", "Engine": {"Type": "docker", "Params": params}}
        return self.ask("PUT", JOBS, {"Job": {"Name": name, "Type": "batch", "Count": count, "Tasks": [task], **more}})["JobID"]

    def submit_many(self, number: int) -> None:
        """Submit jobs `many-0`, `many-1`, ..."""
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"))
        task = {"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "busybox:1.36"}}}
        for each in range(number):
            body = json.dumps({"Job": {"Name": f"many-{each}", "Type": "batch", "Count": 1, "Tasks": [task]}})
            connection.request("PUT", JOBS, body, {"Content-Type": "application/json"})
            connection.getresponse().read()
        connection.close()

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(10)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A Chromium; the page of each test is opened anew."""
    if PROGRAM is None:
        pytest.skip("no Chromium on this machine")
    made = Browser(tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


@pytest.fixture
def page(browser):
    """The same, wide and light, without complaints of another test's page."""
    browser.open("about:blank")
    browser.errors.clear()
    browser.resize(1600)
    return browser


@pytest.fixture
def serve():
    """`serve(*flags)`: a stub that ends with the test."""
    running = []

    def start(*flags):
        running.append(Served(*flags))
        return running[-1]

    yield start
    for each in running:
        each.close()
