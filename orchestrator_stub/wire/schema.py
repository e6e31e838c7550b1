"""The request bodies of each release, as tables for `unmarshal` (fact sheet 1.3, 1.6, 1.13, 3)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.domain.states import JobState
from orchestrator_stub.wire.unmarshal import (
    BOOL,
    INT,
    INT64,
    STRING,
    STRINGS,
    UINT32,
    UINT64,
    Field,
    ListOf,
    MapOf,
    Scalar,
    Struct,
    Text,
    Untyped,
)

_CREDENTIAL = Struct(
    "apimodels.HTTPCredential", (Field("Scheme", STRING), Field("Value", STRING), Field("Params", STRINGS))
)
_SPEC = Struct("models.SpecConfig", (Field("Type", STRING), Field("Params", Untyped())))
_STATE_TYPE = "models.JobStateType"


def _job_state(text: str) -> JobState:
    """A job state in any case; words that are none count as none (golden 26, state-unknown)."""
    return next((state for state in JobState if state.lower() == text.lower()), JobState.UNDEFINED)


def _network_parser(words: tuple[str, ...]) -> Callable[[str], str]:
    """The release's network words in any case; where Full is no word of its own but Host is, it means Host."""
    folds = "Host" in words and "Full" not in words

    def parse(text: str) -> str:
        for word in words:
            if word.lower() == text.strip().lower():
                return word
        if folds and text.strip().lower() == "full":
            return "Host"
        shown = text.strip().lower() if folds else text
        raise ValueError(f"models.Network: unknown type '{shown}'")

    return parse


@cache
def put_job(release_name: str) -> Struct:
    """The body of a submission."""
    release = RELEASES[release_name]
    fields = [*_base("BasePutRequest", "BaseRequest"), Field("Job", _job(release_name), pointer=True)]
    if release.unique_names:
        fields.append(Field("Force", BOOL))
    return Struct("apimodels.PutJobRequest", tuple(fields))


@cache
def diff_job(release_name: str) -> Struct:
    """The body of a question what a submission would change (1.8+)."""
    fields = (*_base("BasePutRequest", "BaseRequest"), Field("Job", _job(release_name), pointer=True))
    return Struct("apimodels.DiffJobRequest", fields)


@cache
def _job(release_name: str) -> Struct:
    release = RELEASES[release_name]
    through = ("alias",) if release.job_decoded_apart else ()
    state = Struct(
        "models.State[github.com/bacalhau-project/bacalhau/pkg/models.JobStateType]",
        (Field("StateType", Text(_STATE_TYPE, _job_state)), Field("Message", STRING), Field("Details", STRINGS)),
    )
    constraint = Struct(
        "models.LabelSelectorRequirement",
        (
            Field("Key", STRING),
            Field("Operator", Scalar("string", "selection.Operator")),
            Field("Values", ListOf("[]string", STRING)),
        ),
    )
    fields = (
        *(Field(name, STRING, through=through) for name in ("ID", "Name", "Namespace", "Type")),
        Field("Priority", INT, through=through),
        Field("Constraints", ListOf("[]*models.LabelSelectorRequirement", constraint), through=through),
        Field("Meta", STRINGS, through=through),
        Field("Labels", STRINGS, through=through),
        Field("Tasks", ListOf("[]*models.Task", _task(release_name)), through=through),
        Field("State", state, through=through),
        Field("Version", UINT64, through=through),
        Field("Revision", UINT64, through=through),
        Field("CreateTime", INT64, through=through),
        Field("ModifyTime", INT64, through=through),
        Field("Count", INT, pointer=release.job_decoded_apart),
    )
    apart = release.job_decoded_apart
    return Struct("models.job" if apart else "models.Job", fields, apart=apart)


@cache
def _task(release_name: str) -> Struct:
    release = RELEASES[release_name]
    value = Scalar("string", "models.EnvVarValue") if release.env_and_network_checked else STRING
    env = MapOf(f"map[string]{value.name}", value)
    source = Struct(
        "models.InputSource", (Field("Source", _SPEC, pointer=True), Field("Alias", STRING), Field("Target", STRING))
    )
    path = Struct("models.ResultPath", (Field("Name", STRING), Field("Path", STRING)))
    resources = Struct("models.ResourcesConfig", tuple(Field(n, STRING) for n in ("CPU", "Memory", "Disk", "GPU")))
    timeouts = Struct(
        "models.TimeoutConfig", tuple(Field(n, INT64) for n in ("ExecutionTimeout", "QueueTimeout", "TotalTimeout"))
    )
    return Struct(
        "models.Task",
        (
            Field("Name", STRING),
            Field("Engine", _SPEC, pointer=True),
            Field("Publisher", _SPEC, pointer=True),
            Field("Env", env, pointer=True),
            Field("Meta", STRINGS, pointer=True),
            Field("InputSources", ListOf("[]*models.InputSource", source), pointer=True),
            Field("ResultPaths", ListOf("[]*models.ResultPath", path), pointer=True),
            Field("Resources", resources, pointer=True),
            Field("Network", _network(release_name), pointer=True),
            Field("Timeouts", timeouts, pointer=True),
        ),
    )


def _network(release_name: str) -> Struct:
    release = RELEASES[release_name]
    fields = [
        Field("Type", Text("models.Network", _network_parser(release.networks))),
        Field("Domains", ListOf("[]string", STRING)),
    ]
    if "Bridge" in release.networks:
        port = Struct(
            "models.Port",
            (Field("Name", STRING), Field("Static", INT), Field("Target", INT), Field("HostNetwork", STRING)),
        )
        fields.append(Field("Ports", ListOf("models.PortMap", port)))
    return Struct("models.NetworkConfig", tuple(fields))


def _base(*through: str) -> tuple[Field, ...]:
    """What every body may carry; only the namespace is ever looked at."""
    return (
        Field("Namespace", STRING, through=through),
        Field("Credential", _CREDENTIAL, pointer=True, through=through),
        Field("IdempotencyToken", STRING, through=through[:1]),
    )


STOP_JOB = Struct("apimodels.StopJobRequest", (*_base("BasePutRequest", "BaseRequest"), Field("reason", STRING)))
PUT_NODE = Struct(
    "apimodels.PutNodeRequest",
    (
        *_base("BasePutRequest", "BaseRequest"),
        Field("Action", STRING),
        Field("Message", STRING),
        Field("NodeID", STRING),
    ),
)
RERUN_JOB = Struct(
    "apimodels.RerunJobRequest",
    (*_base("BasePutRequest", "BaseRequest"), Field("JobVersion", UINT64), Field("Reason", STRING)),
)
LIST = Struct(
    "apimodels.BaseListRequest",
    (
        Field("Namespace", STRING, through=("BaseListRequest", "BaseGetRequest", "BaseRequest")),
        Field("Limit", UINT32, through=("BaseListRequest",)),
        Field("NextToken", STRING, through=("BaseListRequest",)),
        Field("OrderBy", STRING, through=("BaseListRequest",)),
        Field("Reverse", BOOL, through=("BaseListRequest",)),
    ),
)
"""A body on a GET is read as well (golden 04, get-with-body)."""


AUTHENTICATE = Struct(
    "apimodels.AuthnRequest",
    (*_base("BasePostRequest", "BaseRequest"), Field("Name", STRING), Field("MethodData", STRING)),
)
