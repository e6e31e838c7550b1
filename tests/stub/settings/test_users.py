"""The file of `--auth`: what it may look like, and what a wrong one gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator_stub.domain.errors import SettingsError
from orchestrator_stub.domain.user import User
from orchestrator_stub.settings.users import load_users

PROFILE = Path(__file__).parents[2] / "conformance" / "profiles" / "users.yaml"
ADMIN = '{Alias: Admin, Username: admin, Password: "0123456789", Capabilities: [{Actions: ["read:*"]}, {Actions: ["write:job"]}]}'
LOADED = User("Admin", "admin", "0123456789", capabilities=(("read:*",), ("write:job",)))


@pytest.fixture
def users(tmp_path):
    """Load the users of a file that holds this text."""

    def load(text):
        file = tmp_path / "users.yaml"
        file.write_text(text)
        return load_users(file)

    return load


def test_a_server_s_whole_configuration_is_read():
    """A user would have to write a second file beside the cluster's own."""
    admin, reader, jobs = load_users(PROFILE)
    assert (admin.alias, admin.username, admin.password, admin.capabilities) == (
        "Admin",
        "admin",
        "admin-password-1",
        (("*",),),
    )
    assert (reader.api_key, reader.capabilities) == ("reader-api-key-0123456789", (("read:*",),))
    assert jobs.capabilities == (("read:job", "write:job"),)


@pytest.mark.parametrize(
    "text",
    [
        f"API: {{Auth: {{Users: [{ADMIN}]}}}}",
        f"api: {{auth: {{users: [{ADMIN.replace('Alias', 'alias').replace('Password', 'PASSWORD')}]}}}}",
        f"Users: [{ADMIN}]",
        f"[{ADMIN}]",
        f"- {ADMIN}",
    ],
)
def test_users_may_stand_where_they_are_looked_for(users, text):
    """A short file, or one in another spelling, would not be understood."""
    assert users(text) == (LOADED,)


def user(**changed):
    """One user as YAML, complete but for the changes."""
    fields = {"Alias": "Admin", "Username": "admin", "Password": "0123456789", "Capabilities": '[{Actions: ["*"]}]'} | changed
    return "[{" + ", ".join(f"{key}: {value}" for key, value in fields.items() if value is not None) + "}]"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "names no users"),
        ("Users: []", "names no users"),
        ("API: {Host: 127.0.0.1}", "names no users"),
        ("Users: {Alias: a}", "begin each user with a dash"),
        ("- 1", "user 1 is not a group of keys"),
        (user(Passwort="x"), "has the key 'Passwort'; known are Alias, Username, Password, APIKey and Capabilities"),
        (user(Password="1234567890"), "Password is not a text; put it into quotes"),
        (user(Password='"123456789"'), "10 to 255 characters"),
        (user(Password=f'"{"x" * 256}"'), "10 to 255 characters"),
        (user(Password=f'"$2a$10${"x" * 53}"'), "bcrypt hash, which the stub cannot check: write the password itself"),
        (user(Password=None), "has neither"),
        (user(Username=None), "has neither"),
        (user(APIKey="a-key-of-20-characters"), "has both"),
        (user(Username=None, Password=None, APIKey="short"), "20 to 255 characters"),
        (user(Username='"an n"'), "letters and digits only"),
        (user(Username="a" * 101), "letters and digits only"),
        (user(Capabilities=None), "has no Capabilities"),
        (user(Capabilities='["*"]'), "Capabilities is a list such as"),
        (user(Capabilities="[{Actions: [1]}]"), "Capabilities is a list such as"),
        (f"[{ADMIN}, {ADMIN.replace('admin', 'other')}]", "two users have the same alias"),
        (f"[{ADMIN}, {ADMIN.replace('Admin', 'Other').replace('admin', 'ADMIN')}]", "two users have the same username"),
        (f"API: {{Auth: {{Users: [{ADMIN}], Oauth2: {{ProviderID: x}}}}}}", "Oauth2 is not what the stub can do"),
        (f"API: {{Auth: {{Users: [{ADMIN}], AccessPolicyPath: x}}}}", "AccessPolicyPath is not what the stub can do"),
    ],
)
def test_a_wrong_file_names_what_would_be_right(users, text, problem):
    """The stub would start with users that no real server takes, or nobody would know what is wrong."""
    with pytest.raises(SettingsError, match="--auth ") as caught:
        users(text)
    assert problem in str(caught.value)


def test_a_password_of_digits_needs_no_quotes_when_it_is_no_number(users):
    """`Password: 0123456789` is a text in YAML 1.1, since no number looks like it."""
    assert users(user())[0].password == "0123456789"


@pytest.mark.parametrize(
    "text",
    ['[{Password: "secret-password', "Password: secret-password: x", "\tsecret-password", "a: \x01secret-password"],
)
def test_what_is_no_yaml_is_named_without_its_text(users, text):
    """The library's own error quotes the line, and the terminal would show a password."""
    with pytest.raises(SettingsError, match="it is no YAML") as caught:
        users(text)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "change",
    [
        {"Password": '"secret-9"'},
        {"Username": None, "Password": None, "APIKey": "secret-key"},
        {"Username": '"an n"', "Password": '"secret-password"'},
        {"APIKey": "secret-api-key-0123456789", "Password": '"secret-password"'},
        {"Alias": None, "Username": None, "Password": None, "APIKey": "secret-api-key-0123456789", "Capabilities": None},
    ],
)
def test_no_problem_of_a_user_shows_a_password_or_key(users, change):
    """A typing error would put a secret into a terminal or the log of a build."""
    with pytest.raises(SettingsError) as caught:
        users(user(**change))
    assert "secret" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    """A typing error in a path would be a traceback."""
    with pytest.raises(SettingsError, match=r"nope\.yaml: No such file"):
        load_users(tmp_path / "nope.yaml")
    with pytest.raises(SettingsError, match="Is a directory"):
        load_users(tmp_path)
