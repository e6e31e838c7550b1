"""THE table of what differs between releases. Code asks the table; no version number decides anything elsewhere.

Sources: the fact sheet and the findings of recorded servers, named at each entry. `docs` is the user's document
("Orchestrator Endpoint") taken at its word; where that page is silent it behaves like 1.5.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from orchestrator_stub.domain.states import ComputeState

_COMPUTE_NUMBERS: Mapping[ComputeState, int] = {
    ComputeState.UNDEFINED: 0,
    ComputeState.NEW: 1,
    ComputeState.ASK_FOR_BID: 2,
    ComputeState.ASK_FOR_BID_ACCEPTED: 3,
    ComputeState.ASK_FOR_BID_REJECTED: 4,
    ComputeState.BID_ACCEPTED: 5,
    ComputeState.RUNNING: 6,
    ComputeState.PUBLISHING: 7,
    ComputeState.BID_REJECTED: 8,
    ComputeState.COMPLETED: 9,
    ComputeState.FAILED: 10,
    ComputeState.CANCELLED: 11,
}
_DOCS_COMPUTE_NUMBERS: Mapping[ComputeState, int] = {
    ComputeState.UNDEFINED: 0,
    ComputeState.NEW: 1,
    ComputeState.ASK_FOR_BID: 2,
    ComputeState.ASK_FOR_BID_ACCEPTED: 3,
    ComputeState.ASK_FOR_BID_REJECTED: 4,
    ComputeState.BID_ACCEPTED: 5,
    ComputeState.RUNNING: 5,
    ComputeState.PUBLISHING: 5,
    ComputeState.BID_REJECTED: 6,
    ComputeState.COMPLETED: 7,
    ComputeState.FAILED: 8,
    ComputeState.CANCELLED: 9,
}


@dataclass(frozen=True, slots=True)
class Release:
    """What one server release does. Every field names a behaviour, never a version."""

    name: str
    """What `--emulate` takes: "1.5.2" ... "1.9.3", "docs"."""
    git_version: str
    """What the server announces, e.g. "v1.9.3"."""
    git_commit: str = "2b0ed139efadcb4a7fbce49b819613f11eeb3f2d"
    """The commit of the public tag (the document prints its own)."""
    build_date: str = "2026-08-09T23:18:47Z"
    """When the tag was made, RFC 3339 in UTC (the document prints its own)."""
    page_shapes: bool = False
    """Bodies as the user's document prints them (Jobs/Executions/History/Results lists, transitions, flat nodes)."""
    compute_numbers: Mapping[ComputeState, int] = None  # type: ignore[assignment]  # always given below
    """The integers of execution states; 1.5.2 and later agree (fact sheet 5.2), the document has its own."""
    list_limit_default: int = 0
    """Default `limit` of job and node lists; 0 = all (the document says 10)."""
    approval_shown: bool = True
    """An approved execution shows BidAccepted, "Running" (1.6+); before it stays AskForBidAccepted (FINDINGS 3)."""
    unapproved_shown_as_new: bool = True
    """ops and daemon executions stay New for their whole run (FINDINGS 1 row 3.8); 1.5.2 shows AskForBidAccepted."""
    state_details: bool = False
    """A failed execution's ComputeState repeats the event's Details (1.5.2)."""
    missing_count: int = 1
    """Count of a batch or service job without the key (fact sheet 4.4)."""
    everywhere_count: int = 0
    """Count that ops and daemon jobs are stored with (fact sheet 4.4)."""
    everywhere_count_refused: bool = True
    """ops and daemon with Count > 1 are refused with 400 (1.7+, FINDINGS 1 row 4.3)."""
    default_memory: str = "512Mb"
    """Default memory of a job (fact sheet 4.5); CPU is 500m everywhere."""
    default_network: str = "Default"
    """Zero value of the network type (fact sheet 3.7)."""
    networks: tuple[str, ...] = ("Default", "None", "Host", "Full", "HTTP", "Bridge")
    """Network words that are understood, in the spelling they come back in (fact sheet 3.7)."""
    networked_jobs_rejected: bool = False
    """Any network but None is refused by the node's admission control (FINDINGS 3, golden 43 of 1.6.5)."""
    task_env_passed: bool = True
    """Task.Env and BACALHAU_* reach the program (1.6.4+, FINDINGS-docker 2)."""
    partitions: bool = True
    """Executions carry PartitionIndex and a failed partition is run again (1.6+)."""
    unique_names: bool = True
    """Name is unique in a namespace, submitting it again updates the job; versions, diff, rerun exist (1.8+)."""
    wasm_module_path: bool = True
    """EntryModule is a path among the inputs; the legacy object is converted (1.7+)."""
    logs_from_node: bool = True
    """Logs of finished jobs come from the node's full log (1.8+), before from RunOutput (FINDINGS-docker 8)."""
    killed_log_held: int = 20
    """Seconds from a program's being killed to the end of its log stream, which nothing follows any more: 18 to 20
    since 1.8, 1.4 to 2 before (FINDINGS-docker 8, 74/stop-follow, timeout-follow). Only under `--strict`."""
    container_look_ms: int = 0
    """Milliseconds until a node that is asked for a log has looked whether the container still runs: a follower of a
    short job comes too late (1.6.5, 1.7.0; golden 74, short-follow, dump-1). Only under `--strict`."""
    executions_embed_job: bool = True
    """Each execution carries its job (1.8+, FINDINGS 2)."""
    connection_state: bool = True
    """NodeState has ConnectionState and ComputeNodeInfo an address (1.6+)."""
    node_name_label: bool = True
    """Automatic node labels are os_type, os_arch, name (1.8+), before Operating-System and Architecture."""
    archive_root_mode: int = 0o700
    """Mode of `.` in published archives (FINDINGS-docker 4: 0755 up to 1.7)."""
    queue_on_node: bool = True
    """Jobs beyond the free capacity wait on the node as Running (1.6+, FINDINGS-docker 7), until it says that it is
    full: that only under `--strict`; 1.5.2 keeps the offer back until there is room, and a full node refuses."""

    # Nodes as the orchestrator knows them.
    load_reported_every: int = 15
    """Seconds between a node's words about its free capacity and its queue: with each heartbeat (1.6+), every 30 s
    before (goldens 01, config; FINDINGS-docker 7)."""
    counts_reported_every: int = 0
    """Seconds between a node's words about how many executions run and wait; 0 = said once, when it connects (1.6+,
    FINDINGS-docker 7)."""
    nodes_shake_hands: bool = True
    """A node is in touch by a handshake (1.6+): a rejected one is cut off, a deleted one registers anew (golden 31);
    1.5.2 goes on hearing the former and never hears of the latter again."""
    nodes_watched: bool = True
    """When a node comes or goes, its jobs and the daemons are looked at 15 s later, and what runs on a node out of
    touch is lost (1.8+; FINDINGS 2 row 5.5g); before, only what runs on a deleted node, once its job is looked at."""
    lost_runs_cancelled: bool = False
    """An execution whose node is gone is Cancelled (1.5.2, fact sheet 5.5g), not Failed."""
    restart_fails_runs: bool = True
    """A node that starts again fails what ended with it and takes up what lasts (1.6+); 1.5.2 forgets it all
    (FINDINGS 4)."""
    restart_repeats_offer: bool = True
    """When the whole server starts again, a service that runs goes back to AskForBidAccepted, its offer, without a line
    of history (1.6+, FINDINGS 4); 1.5.2 never left it."""
    stopped_runs_go_on: bool = False
    """Nodes never hear of a stop: programs run to their own end and keep their capacity till then (1.6.5, 1.7.0;
    FINDINGS 1 row 5.6, FINDINGS-docker 6). It helps nobody, so only under `--strict`."""
    stopped_daemons_keep_capacity: bool = False
    """A stopped daemon's program ends, what it took stays taken (1.5.2, FINDINGS-docker 6). Only under `--strict`."""

    # The HTTP door: what its answers look like.
    short_problems: bool = True
    """Validation says "invalid engine: ..." (1.8+), before "engine validation failed: ..." (fact sheet 4.3)."""
    env_and_network_checked: bool = True
    """Names of environment variables, domains and ports are validated (1.6+; FINDINGS 3)."""
    normalised_first: bool = False
    """Up to 1.6 a job is normalised before it is validated (fact sheet 4.3)."""
    job_decoded_apart: bool = True
    """Since 1.6 a job has its own JSON decoder: paths and offsets of type errors start at the job (goldens 26, 27)."""
    media_type_exact: bool = True
    """Only exactly application/json is JSON (1.8+), before any type that starts so (FINDINGS 1 row 2.5)."""
    unknown_route_hint: bool = True
    """404 of unknown routes says how to go on (1.8+, fact sheet 8.3)."""
    legacy_routes: bool = False
    """/id, /livez, /node_info, /requester of the first API answer; / is the version (up to 1.6, FINDINGS 1 row 1.1)."""
    license_answer: str = ""
    """What GET /agent/license says with no license: "" no such route, "plain" (1.6.2-1.7), "coded" (1.8)."""
    auth_config: bool = True
    """GET /agent/authconfig exists (1.7+)."""
    api_users: bool = True
    """Users with passwords and keys can be configured (1.7+, fact sheet 9.4)."""
    auth_failures_coded: bool = True
    """Unknown users get 401, what a user may not do 403 (1.8+); in 1.7.0 both are a 500 (FINDINGS 1 row 8.3)."""
    managed_s3: bool = True
    """The publisher s3managed exists and is advertised (1.8+)."""
    full_id_lenient: bool = False
    """Up to 1.7 a complete but unknown job id has an empty history and no bucket of executions (fact sheet 6.1)."""
    node_update_reports: bool = False
    """1.5.2 answers 200 to every node update and says Success false (fact sheet 1.13)."""
    executions_order_checked: bool = False
    """Up to 1.7 an unknown order_by of executions is a 500, since 1.8 it is ignored (fact sheet 1.8)."""
    authorizer_texts: bool = True
    """Since 1.8 a body without Content-Length gives "unexpected authorization error" (fact sheet 8.3)."""
    job_running_shown: bool = True
    """A job with a running execution is Running; the user's document knows Pending until the end (FINDINGS-1.1.0 2)."""
    bid_steps_shown: bool = False
    """An execution also goes through AskForBid, and takes BidAccepted when the node starts it (FINDINGS-1.1.0 2)."""
    node_reports_stop: bool = False
    """A stop is two changes: wished by the orchestrator, then Cancelled without Message by the node (1.5.2)."""
    retry_past_total_timeout: bool = True
    """A job that fails by its TotalTimeout after a failed execution requests one more try (1.6+, FINDINGS-docker 5)."""
    daemon_retries: bool = True
    """A daemon execution that ended is replaced, twice per node (1.8+, FINDINGS-docker 5)."""
    label_length_unit: str = "bytes"
    """What the release's k8s library counts a label's key and value in (1.9; k8s.io/apimachinery from 0.36 on)."""
    label_key_noun: str = "a valid label key"
    """What the release's k8s library calls a label's key in errors (1.9; scenario 22)."""

    # What nodes do with images, inputs and publishers.
    malformed_image_missing: bool = False
    """1.5.2 calls a malformed image reference not available; later ones hand on the engine's complaint (golden 73)."""
    publisher_encoding: bool = True
    """The s3 publisher's Encoding is understood (1.6+); 1.5.2 ignores it and always archives (FINDINGS 3)."""
    allocated_share: float = 0.8
    """Part of the host that a node offers (fact sheet 13.1: 70 % in 1.5.2, 80 % from 1.6 on)."""
    local_input: bool = True
    """The input type `local` exists beside `localDirectory` (1.8+, fact sheet 3.5)."""

    def compute_number(self, state: ComputeState) -> int:
        """The integer this release sends for an execution state."""
        return self.compute_numbers[state]


_R193 = Release(name="1.9.3", git_version="v1.9.3", compute_numbers=_COMPUTE_NUMBERS)
_R180 = replace(
    _R193,
    name="1.8.0",
    git_version="v1.8.0",
    git_commit="bc500319176e7ccef899c16fbe1f82caf9efa58a",
    build_date="2025-06-23T14:35:08Z",
    license_answer="coded",
    label_key_noun="a qualified name",
    label_length_unit="characters",
)
_R170 = replace(
    _R180,
    name="1.7.0",
    git_version="v1.7.0",
    git_commit="9d9cbfa53d9a8ee0480e9e333e226248d465a856",
    build_date="2025-03-24T13:44:26Z",
    unique_names=False,
    logs_from_node=False,
    killed_log_held=2,
    container_look_ms=300,
    executions_embed_job=False,
    node_name_label=False,
    archive_root_mode=0o755,
    license_answer="plain",
    short_problems=False,
    media_type_exact=False,
    unknown_route_hint=False,
    managed_s3=False,
    full_id_lenient=True,
    executions_order_checked=True,
    auth_failures_coded=False,
    authorizer_texts=False,
    daemon_retries=False,
    local_input=False,
    nodes_watched=False,
    stopped_runs_go_on=True,
)
_R165 = replace(
    _R170,
    name="1.6.5",
    git_version="v1.6.5",
    git_commit="5b25fc1a0f15b8e2e7e046ace71c1b4cccc5189b",
    build_date="2025-03-06T17:02:03Z",
    everywhere_count_refused=False,
    default_network="None",
    networks=("None", "Host", "HTTP", "Bridge"),
    networked_jobs_rejected=True,
    wasm_module_path=False,
    normalised_first=True,
    legacy_routes=True,
    auth_config=False,
    api_users=False,
)
_R152 = replace(
    _R165,
    name="1.5.2",
    git_version="v1.5.2",
    git_commit="dca87196e3f426e82be1ef7d536df78f401fb90c",
    build_date="2024-11-29T21:24:47Z",
    approval_shown=False,
    unapproved_shown_as_new=False,
    state_details=True,
    missing_count=0,
    everywhere_count=1,
    default_memory="1Gb",
    networks=("None", "Full", "HTTP"),
    task_env_passed=False,
    partitions=False,
    connection_state=False,
    queue_on_node=False,
    load_reported_every=30,
    counts_reported_every=60,
    nodes_shake_hands=False,
    lost_runs_cancelled=True,
    restart_fails_runs=False,
    restart_repeats_offer=False,
    stopped_runs_go_on=False,
    stopped_daemons_keep_capacity=True,
    container_look_ms=0,
    allocated_share=0.7,
    license_answer="",
    env_and_network_checked=False,
    job_decoded_apart=False,
    node_update_reports=True,
    node_reports_stop=True,
    retry_past_total_timeout=False,
    malformed_image_missing=True,
    publisher_encoding=False,
)
_DOCS = replace(
    _R152,
    name="docs",
    git_version="v1.1.0",
    git_commit="970e1a0f23c7eb739a097aa8212f7964434bcd97",
    build_date="2023-09-25T07:59:00Z",
    page_shapes=True,
    compute_numbers=_DOCS_COMPUTE_NUMBERS,
    list_limit_default=10,
    # The page's users run programs; a stub that swallowed their environment would help nobody.
    task_env_passed=True,
    networked_jobs_rejected=False,
    job_running_shown=False,
    bid_steps_shown=True,
)

RELEASES: Mapping[str, Release] = {r.name: r for r in (_DOCS, _R152, _R165, _R170, _R180, _R193)}
DEFAULT_RELEASE = "1.9.3"
