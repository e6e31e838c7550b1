"""Errors that the domain can state. The api renders the first; compute turns the second into an execution's fate."""

from __future__ import annotations

from collections.abc import Mapping

EXTRA = "the stub needs the extra `stub`: pip install 'airflow-provider-bacalhau[stub]'"
"""What to say where a library is missing; `(NAME is missing)` follows."""


class OrchestratorError(Exception):
    """A request that is refused, with everything the release's error body carries."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str = "InternalError",
        component: str = "APIServer",
        hint: str = "",
        details: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.component = component
        self.hint = hint
        self.details: Mapping[str, str] = details or {}


class HandlerPanicError(OrchestratorError):
    """A request that makes the real handler panic: a masked 500, sent without the server's own headers."""

    def __init__(self) -> None:
        super().__init__(500, "Internal server error", component="Unknown")


class HandlerHangError(Exception):
    """A request whose handler never comes back on a real server: its client hears of the time limit, and no more."""


class StepError(Exception):
    """A step of an execution (bid, inputs, run, publish) failed; `message` is what history and state show."""

    def __init__(self, message: str, *, topic: str = "", details: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.topic = topic
        """Overrides the topic of the phase that failed ("Exec Scanning", "Preparing Environment", ...)."""
        self.details: Mapping[str, str] = details or {}
        """Extra event details (Hint, ErrorCode, ...); `IsError` is added by the engine."""


class SettingsError(Exception):
    """A flag or file of the stub is wrong; the text names it and what would be right (exit status 2)."""
