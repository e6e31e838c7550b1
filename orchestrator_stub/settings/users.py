"""The file of `--auth`: API users as a server's own configuration names them (1.7+, fact sheet 9.4)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestrator_stub.domain.errors import SettingsError
from orchestrator_stub.domain.user import User

_KEYS = {"alias": "Alias", "username": "Username", "password": "Password", "apikey": "APIKey"}
"""Names of a user's texts; configurations may spell them in any case."""
_CAPABILITIES = "capabilities"
SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 255
SHORTEST_KEY, LONGEST_KEY = 20, 255
LONGEST_USERNAME = 100
_BCRYPT = re.compile(r"\$2[aby]\$.{56,}", re.DOTALL)


def load_users(path: Path) -> tuple[User, ...]:
    """Users of the file: a whole server configuration, one with `Users` at its top, or a plain list.

    :raises SettingsError: it cannot be read, is no YAML, or a user in it would not be taken by a server; the text
        says what would be right and never holds a password or a key.
    """
    entries = _entries(_read(path), path)
    if not entries:
        raise SettingsError(f"--auth {path}: it names no users; they stand in API.Auth.Users, or in Users at the top")
    users = tuple(_user(entry, f"--auth {path}: user {number}") for number, entry in enumerate(entries, 1))
    check_users(users, f"--auth {path}")
    return users


def check_users(users: Sequence[User], source: str) -> None:
    """The rules of the servers, which do not start otherwise. `source`: the flag that the text begins with.

    :raises SettingsError: a user is incomplete, or two are the same.
    """
    for user in users:
        problem = _problem(user)
        if problem:
            raise SettingsError(f"{source}: {problem}")
    for what, values in (
        ("alias", [user.alias.lower() for user in users]),
        ("username", [user.username.lower() for user in users]),
        ("API key", [user.api_key for user in users]),
    ):
        given = [value for value in values if value]
        if len(set(given)) < len(given):
            raise SettingsError(f"{source}: two users have the same {what}; case does not count in names")


def _read(path: Path) -> Any:
    import yaml  # only for who has a file

    try:
        return yaml.safe_load(path.read_bytes())
    except OSError as wrong:
        raise SettingsError(f"--auth {path}: {wrong.strerror or 'it cannot be read'}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as wrong:
        mark = getattr(wrong, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark is not None else ""
        # The library's own text quotes the line, and with it perhaps a password.
        raise SettingsError(f"--auth {path}: it is no YAML{where}") from None


def _entries(document: Any, path: Path) -> Sequence[Any]:
    if isinstance(document, list):
        return document
    auth = _under(_under(document, "API"), "Auth")
    for unsupported in ("AccessPolicyPath", "Oauth2"):
        if _under(auth, unsupported):
            raise SettingsError(
                f"--auth {path}: API.Auth.{unsupported} is not what the stub can do: leave it out, Users is enough"
            )
    users = _under(auth, "Users")
    if users is None:
        users = _under(document, "Users")
    if users is None:
        return ()
    if not isinstance(users, list):
        raise SettingsError(f"--auth {path}: Users is not a list; begin each user with a dash")
    return users


def _under(value: Any, name: str) -> Any:
    if not isinstance(value, Mapping):
        return None
    return next((item for key, item in value.items() if str(key).lower() == name.lower()), None)


def _user(entry: Any, where: str) -> User:
    if not isinstance(entry, Mapping):
        raise SettingsError(f"{where} is not a group of keys such as Alias, Username, Password and Capabilities")
    texts: dict[str, str] = {}
    groups: tuple[tuple[str, ...], ...] = ()
    for key, value in entry.items():
        name = str(key).lower()
        if name == _CAPABILITIES:
            groups = _groups(value, where)
        elif name not in _KEYS:
            raise SettingsError(f"{where} has the key {key!r}; known are {', '.join(_KEYS.values())} and Capabilities")
        elif value is not None and not isinstance(value, str):
            raise SettingsError(f"{where}: {_KEYS[name]} is not a text; put it into quotes")
        else:
            texts[name] = value or ""
    return User(
        alias=texts.get("alias", ""),
        username=texts.get("username", ""),
        password=texts.get("password", ""),
        api_key=texts.get("apikey", ""),
        capabilities=groups,
    )


def _groups(value: Any, where: str) -> tuple[tuple[str, ...], ...]:
    groups: list[tuple[str, ...]] = []
    for group in value if isinstance(value, list) else [value]:
        actions = _under(group, "Actions")
        if not isinstance(actions, list) or not all(isinstance(action, str) for action in actions):
            raise SettingsError(f'{where}: Capabilities is a list such as [{{Actions: ["read:*", "write:job"]}}]')
        groups.append(tuple(actions))
    return tuple(groups)


def _problem(user: User) -> str:
    """What a server would not take about a user, "" when it is complete."""
    name = user.alias or user.username or "without a name"
    has_login = bool(user.username and user.password)
    if has_login == bool(user.api_key):
        both = "has both" if has_login else "has neither"
        return f"user {name!r} {both} an API key and a username with password; a user has one of the two"
    if user.username and (len(user.username) > LONGEST_USERNAME or not re.fullmatch("[a-zA-Z0-9]+", user.username)):
        return f"the username of {name!r} may hold letters and digits only, at most {LONGEST_USERNAME}"
    if _BCRYPT.fullmatch(user.password):
        return f"the password of user {name!r} is a bcrypt hash, which the stub cannot check: write the password itself"
    if user.password and not SHORTEST_PASSWORD <= len(user.password.encode()) <= LONGEST_PASSWORD:
        return f"the password of user {name!r} is not {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters long"
    if user.api_key and not SHORTEST_KEY <= len(user.api_key.encode()) <= LONGEST_KEY:
        return f"the API key of user {name!r} is not {SHORTEST_KEY} to {LONGEST_KEY} characters long"
    if not user.capabilities:
        return f'user {name!r} has no Capabilities; [{{Actions: ["*"]}}] allows everything'
    return ""
