"""A job's fate, written as a sentence: `stub.on(task="train", attempt=1).after("40m").exit(137)`."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from orchestrator_stub.testing.durations import Duration, on_the_wire
from orchestrator_stub.testing.exchange import Exchange

_ENDS = ("exit", "fail", "hang", "node_lost")


class Script:
    """What becomes of the executions that match. Each word is told to the stub at once; without an end of its own the
    run ends with exit code 0. Every method returns the script itself."""

    def __init__(self, scripts: Scripts, match: Mapping[str, Any], *, optional: bool) -> None:
        """Made by `StubHandle.on`."""
        self.match = dict(match)
        """Which executions it is for, as given."""
        self.optional = optional
        """Nobody minds when it is never played."""
        self._scripts = scripts
        self._stages: list[dict[str, Any]] = []

    @property
    def hits(self) -> int:
        """How many executions it was played for until now."""
        return next((hits for script, hits in self._scripts.counted() if script is self), 0)

    def after(self, duration: Duration, *, jitter: Duration = 0) -> Script:
        """What follows happens so much later: seconds, a timedelta, or "40m", "1h30m", "500ms" on the stub's clock.

        :param jitter: up to so much more, by chance (the stub's seed decides).
        """
        self._refuse_a_second_end()
        self._stages.append({"after": on_the_wire(duration)} | ({"jitter": on_the_wire(jitter)} if jitter else {}))
        return self._told()

    def log(self, text: str) -> Script:
        """Print to stdout; a last line end is added where there is none."""
        return self._print("stdout", text)

    def err(self, text: str) -> Script:
        """Print to stderr; a last line end is added where there is none."""
        return self._print("stderr", text)

    def file(self, path: str, content: bytes | str) -> Script:
        """Leave a file behind. `path`: the name of a result path of the job, then the file's: "outputs/clean.csv"."""
        files = self._stage().setdefault("files", {})
        files[path] = content if isinstance(content, str) else {"base64": base64.b64encode(content).decode()}
        return self._told()

    def exit(self, code: int = 0) -> Script:
        """The program ends with an exit code; Bacalhau calls the job Completed whatever it is."""
        return self._end("exit", code)

    def fail(self, text: str) -> Script:
        """The engine fails with a text, such as a container that could not be created."""
        return self._end("fail", text)

    def hang(self) -> Script:
        """The program runs until it is stopped or its time is over."""
        return self._end("hang", True)

    def node_lost(self) -> Script:
        """The node falls silent, and all that runs there ends."""
        return self._end("node_lost", True)

    def to_plain(self) -> dict[str, Any]:
        """As `PUT /stub/scripts` takes it."""
        return {"match": self.match, "stages": self._stages, "optional": self.optional}

    def __repr__(self) -> str:
        wanted = ", ".join(f"{name}={value!r}" for name, value in self.match.items())
        words = [_word(name, value) for stage in self._stages for name, value in stage.items()]
        return f"on({wanted}){''.join(words)}"

    def _print(self, stream: str, text: str) -> Script:
        stage = self._stage()
        line = text if not text or text.endswith("\n") else f"{text}\n"
        stage[stream] = stage.get(stream, "") + line
        return self._told()

    def _end(self, how: str, value: Any) -> Script:
        self._stage()[how] = value
        return self._told()

    def _stage(self) -> dict[str, Any]:
        self._refuse_a_second_end()
        if not self._stages:
            self._stages.append({})
        return self._stages[-1]

    def _refuse_a_second_end(self) -> None:
        if self._stages and any(end in self._stages[-1] for end in _ENDS):
            raise ValueError(f"{self} has ended already; say what comes before the end first")

    def _told(self) -> Script:
        self._scripts.tell()
        return self


class Scripts:
    """The scripts of one handle. They come before those that the stub had, so that a test may override a file's."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._own: list[Script] = []
        self._given: list[dict[str, Any]] | None = None

    def add(self, match: Mapping[str, Any], *, optional: bool) -> Script:
        """One more, after those that were added before. Raises StubError."""
        script = Script(self, match, optional=optional)
        self._own.append(script)
        try:
            self.tell()
        except Exception:
            self._own.remove(script)
            raise
        return script

    def tell(self) -> None:
        """Give the stub the whole list; it keeps counting those that it knows. Raises StubError, naming the key."""
        if self._given is None:
            self._given = [{key: value for key, value in each.items() if key != "hits"} for each in self._listed()]
        self._exchange.send("PUT", "/stub/scripts", [*(script.to_plain() for script in self._own), *self._given])

    def counted(self) -> list[tuple[Script, int]]:
        """The handle's own, in order, with the number of executions that each was played for."""
        if not self._own:
            return []
        return [(script, int(told["hits"])) for script, told in zip(self._own, self._listed(), strict=False)]

    def forget(self) -> None:
        """The stub has none any more."""
        self._own, self._given = [], []

    def _listed(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self._exchange.get("/stub/scripts")
        return listed


def _word(name: str, value: Any) -> str:
    """One word of the sentence, for people."""
    if name == "files":
        return "".join(f".file({path!r}, ...)" for path in value)
    if name in ("hang", "node_lost"):
        return f".{name}()"
    word = {"stdout": "log", "stderr": "err"}.get(name, name)
    return "" if name == "jitter" else f".{word}({value!r})"
