"""Requests for every route of every release: valid, nearly valid, and wild. The same seed makes the same requests."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote_from_bytes

from .garbage import garbage
from .jobs import NAMESPACES, many_parts, mutated, spoiled, valid_job
from .sent import Sent
from .values import encode, odd, text

API = "/api/v1"
JOBS = f"{API}/orchestrator/jobs"
NODES = f"{API}/orchestrator/nodes"
LARGEST = 10_000_000
UNKNOWN = "j-00000000-0000-4000-8000-000000000000"
METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE")
VERSIONS = (
    "v1.9.3", "v1.5.0", "v1.4.9", "v1.3.9", "1.2", "v1", "", "v0.0.0", "v0.0.0-xxxxxxx", "latest", "v1.4.0-rc1", "v1.9.3+meta",
    "v99999999999999999999.1.1", "é", "v1..2", "v1.2.3.4",
)  # fmt: skip
MEDIA_TYPES = (
    "application/json; charset=utf-8", "application/json-patch+json", "Application/JSON", "", "text/plain", "application/xml",
    "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ";", "application/json;", "application/jsonx",
)  # fmt: skip
AUTHORIZATIONS = (
    "Bearer x", "bearer x", "Bearer", "Bearer a.b.c", "Basic dTpw", "Basic !", "Basic", "basic dTpw", "Digest x", "", "é",
)  # fmt: skip
NUMBERS = (b"0", b"1", b"2", b"3", b"7", b"100", b"-1", b"+1", b"4294967295", b"4294967296", b"18446744073709551616", b"9" * 5000,
           b"1.5", b"x", b"", b"0x1", b"1_0", b"%31", b" 1", b"\xc2\xb2")  # fmt: skip
TRUTHS = (b"true", b"false", b"1", b"0", b"T", b"yes", b"", b"TRUE", b"tRue", b"2")
ORDERS = (
    b"created_at", b"create_time", b"modified_at", b"modify_time", b"id", b"state", b"", b"nope", b"available_cpu", b"status",
    b"approval", b"type", b"Created_At",
)  # fmt: skip
SELECTORS = (
    b"env=prod", b"env!=prod", b"env in (prod,dev)", b"env notin (a)", b"env", b"!env", b"n>0", b"n<99", b"n>" + b"9" * 30,
    b"env=a,n>1", b"env in ()", b"a in (b", b"=", b",", b"a b", b"n>x", b"bacalhau_canary!=true", b"(" * 500, b"a=b," * 300,
    b"x" * 70, b"a/b/c", b"/a", b"A.B/c", b"a=\xff", b"!", b"a notin", b"a in (,)", b"gt", b"in in (in)", b"a==b==c", b"\x00",
)  # fmt: skip
SMALL_LIMIT = (b"1", b"2", b"5", b"10")


@dataclass
class Known:
    """What earlier answers told: things that exist."""

    jobs: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    executions: list[str] = field(default_factory=list)
    nodes: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    def note(self, kind: str, *values: str) -> None:
        """Remember some, forget the oldest."""
        known: list[str] = getattr(self, kind)
        known += [value for value in values if value not in known[-50:]]
        del known[:-200]


class Requests:
    """The requests for one stub."""

    def __init__(self, release: str, seed: str, known: Known, key: str = "") -> None:
        """`key`: what a client has to show at most routes, "" where the server is open to all."""
        self.release = release
        self._key = key
        self.known = known
        self._seed = seed
        self._number = 0
        self._sent_jobs: list[dict[str, Any]] = []
        """Valid jobs with names, to be sent again and compared."""
        weights = self._weights()
        self._kinds, self._shares = list(weights), [share for share, _ in weights.values()]
        self._makers = {kind: make for kind, (_, make) in weights.items()}

    def _weights(self) -> dict[str, tuple[int, Callable[[random.Random], Sent]]]:
        weights: dict[str, tuple[int, Callable[[random.Random], Sent]]] = {
            "submit": (260, self._submit),
            "list": (60, self._list),
            "describe": (90, lambda rng: self._of_job(rng, "GET", "", ("namespace", "include", "limit", "job_version"))),
            "history": (90, lambda rng: self._of_job(rng, "GET", "/history", HISTORY)),
            "executions": (60, lambda rng: self._of_job(rng, "GET", "/executions", LISTING)),
            "results": (40, lambda rng: self._of_job(rng, "GET", "/results", LISTING)),
            "logs": (15, lambda rng: self._of_job(rng, "GET", "/logs", ("follow", "tail", "execution_id", "namespace"))),
            "stop": (90, self._stop),
            "versions": (20, lambda rng: self._of_job(rng, "GET", "/versions", LISTING)),
            "rerun": (30, self._rerun),
            "diff": (30, self._diff),
            "nodes": (30, self._nodes),
            "node": (25, self._node),
            "node update": (25, self._node_update),
            "agent": (40, self._agent),
            "auth": (20, self._auth),
            "legacy": (20, self._legacy),
            "control": (10, self._control),
            "elsewhere": (60, self._elsewhere),
            "large": (4, self._large),
            "garbage": (15, lambda rng: Sent("", b"", raw=garbage(rng))),
        }
        return weights

    def next(self) -> Sent:
        """The next request."""
        self._number += 1
        rng = random.Random(f"{self._seed}/{self.release}/{self._number}")
        kind = rng.choices(self._kinds, self._shares)[0]
        sent = replace(self._makers[kind](rng), number=self._number, kind=kind)
        return sent if sent.raw else self._dressed(rng, sent)

    # Where it goes.

    def _submit(self, rng: random.Random) -> Sent:
        again = self._sent_jobs and rng.random() < 0.1
        job = rng.choice(self._sent_jobs) if again else valid_job(rng, self.release, self._number)
        body: dict[str, object] = {"Job": job}
        if rng.random() < 0.2:
            body |= {"Namespace": "x", "Credential": None, "IdempotencyToken": "t", "Force": rng.random() < 0.5}
        sent = Sent("PUT" if rng.random() < 0.8 else "POST", JOBS.encode())
        if again or rng.random() < 0.5:
            if "Name" in job:
                self._sent_jobs = [*self._sent_jobs[-20:], job]
            return replace(sent, body=encode(body, rng), valid=True, job=job)
        return replace(sent, body=self._spoil(rng, body))

    def _spoil(self, rng: random.Random, body: object) -> bytes:
        if rng.random() < 0.75:
            changed = encode(mutated(rng, body), rng)
            return spoiled(rng, changed) if rng.random() < 0.1 else changed
        return spoiled(rng, encode(body, rng))

    def _diff(self, rng: random.Random) -> Sent:
        """Half of them of jobs that are known by name, with something changed."""
        known = self._sent_jobs and rng.random() < 0.5
        job = mutated(rng, rng.choice(self._sent_jobs)) if known else valid_job(rng, self.release, self._number)
        body = {"Job": job}
        if known:
            return Sent("PUT", f"{JOBS}/diff".encode(), body=encode(body, rng))
        return Sent("PUT", f"{JOBS}/diff".encode(), body=encode(body, rng) if rng.random() < 0.4 else self._spoil(rng, body))

    def _list(self, rng: random.Random) -> Sent:
        query = self._query(rng, LISTING)
        if b"limit=" not in query.lower() and rng.random() < 0.9:  # whole lists are large
            query = b"&".join(part for part in (query, b"limit=" + rng.choice(SMALL_LIMIT)) if part)
        return Sent("GET", JOBS.encode() + _after(query))

    def _of_job(self, rng: random.Random, method: str, tail: str, names: tuple[str, ...]) -> Sent:
        target = JOBS.encode() + b"/" + self.reference(rng) + tail.encode()
        body = b""
        if rng.random() < 0.05:  # a body on a GET is read as well
            body = encode({"Namespace": "a", "Limit": odd(rng), "OrderBy": rng.choice(("", "x"))}, rng)
        return Sent(method, target + _after(self._query(rng, names)), body=body)

    def _stop(self, rng: random.Random) -> Sent:
        body = {"reason": text(rng), "Namespace": rng.choice(("", *NAMESPACES))}
        sent = Sent("DELETE", JOBS.encode() + b"/" + self.reference(rng) + _after(self._query(rng, ("reason", "namespace"))))
        if rng.random() < 0.3:
            return sent
        return replace(sent, body=encode(body, rng) if rng.random() < 0.6 else self._spoil(rng, body))

    def _rerun(self, rng: random.Random) -> Sent:
        body = {"JobVersion": rng.choice((0, 0, 1, 2, 99)), "Reason": "again", "Namespace": rng.choice(("", *NAMESPACES))}
        sent = Sent("PUT", JOBS.encode() + b"/" + self.reference(rng) + b"/rerun")
        return replace(sent, body=encode(body, rng) if rng.random() < 0.6 else self._spoil(rng, body))

    def _nodes(self, rng: random.Random) -> Sent:
        return Sent("GET", NODES.encode() + _after(self._query(rng, (*LISTING, "filter-approval", "filter-status"))))

    def _node(self, rng: random.Random) -> Sent:
        return Sent("GET", NODES.encode() + b"/" + self._node_reference(rng) + _after(self._query(rng, ("namespace",))))

    def _node_update(self, rng: random.Random) -> Sent:
        actions = ("approve", "approve", "reject", "nope", "", "APPROVE")
        action = "delete" if rng.random() < 0.002 else rng.choice(actions)
        body = {"Action": action, "Message": text(rng), "NodeID": "x"}
        sent = Sent("PUT", NODES.encode() + b"/" + self._node_reference(rng))
        return replace(sent, body=encode(body, rng) if rng.random() < 0.7 else self._spoil(rng, body))

    def _agent(self, rng: random.Random) -> Sent:
        name = rng.choice(("alive", "version", "node", "config", "debug", "license", "authconfig", "nope", ""))
        return Sent("GET", f"{API}/agent/{name}".encode() + _after(self._query(rng, ("pretty", "x"))))

    def _auth(self, rng: random.Random) -> Sent:
        if rng.random() < 0.4:
            return Sent("GET", f"{API}/auth".encode() + rng.choice((b"", b"/clientkey", b"/ClientKey", b"/", b"/x/y")))
        proof: object = {"PhraseSignature": rng.choice(("", "aGk=", "!", text(rng))), "PublicKey": rng.choice(PUBLIC_KEYS)}
        data = base64.b64encode(encode(proof if rng.random() < 0.7 else odd(rng), rng)).decode()
        body = {"Name": "ClientKey", "MethodData": rng.choice((data, data, data, data[:-1], text(rng), None, "", "e30"))}
        sent = Sent("POST", f"{API}/auth/clientkey".encode())
        return replace(sent, body=encode(body, rng) if rng.random() < 0.7 else self._spoil(rng, body))

    def _legacy(self, rng: random.Random) -> Sent:
        prefix = rng.choice(("", API))
        name = rng.choice(("", "version", "livez", "id", "node_info", "healthz", "peers", "compute/debug", "requester/list", "requester"))
        return Sent(rng.choice(("GET", "GET", "POST")), f"{prefix}/{name}".encode(), body=rng.choice((b"", b'{"client_id":"x"}')))

    def _control(self, rng: random.Random) -> Sent:
        name = rng.choice(("", "info", "jobs", "jobs?id=%3Cx%3E", "nope", "..%2f", "jobs/", "info/", "%00"))
        method = rng.choice(("GET", "GET", "HEAD", "POST", "OPTIONS", "DELETE"))
        tail = f"jobs/{quote_from_bytes(text(rng).encode('utf-8', 'surrogatepass'), safe='')}" if rng.random() < 0.2 else name
        return Sent(method, f"/stub/{tail}".encode()[:4000])

    def _elsewhere(self, rng: random.Random) -> Sent:
        parts = (
            b"api", b"v1", b"orchestrator", b"jobs", b"nodes", b"agent", b"auth", b"clientkey", b"history", b"logs", b"", b"..",
            b"%2F", b"%00", b"%zz", b"%", b"*", b"%C3%A9", b"%FF", b"~", b";", b":", b"stub", b"x" * 5000,
        )  # fmt: skip
        kind = rng.random()
        if kind < 0.3:
            path = b"/" + b"/".join(rng.choice(parts) for _ in range(rng.randint(0, 6)))
        elif kind < 0.6:
            tail = rng.choice((b"", b"/diff", b"/x", b"/history/", b"/results/x", b"/logs/", b"/", b"//", b"/versions", b"/rerun"))
            path = rng.choice((JOBS, NODES)).encode() + b"/" + self.reference(rng) + tail
        else:
            path = rng.choice((JOBS, NODES, f"{JOBS}/", f"{API}/agent/alive", f"{API}", f"{API}/", "/api", f"/{JOBS}")).encode()
        return Sent(rng.choice(METHODS), path + _after(self._query(rng, ("limit", "x"))), body=rng.choice((b"", b"", b"{}")))

    def _large(self, rng: random.Random) -> Sent:
        """Bodies at the limit and beyond, addresses and values of many kB."""
        kind = rng.random()
        if kind < 0.3:
            size = LARGEST + rng.choice((-5_000_000, 0, 0, 1, 2_000_000))
            head, tail = b'{"Job":{"Name":"', b'"}}'
            return Sent("PUT", JOBS.encode(), body=head + b"x" * (size - len(head) - len(tail)) + tail)
        if kind < 0.7:
            body = many_parts(rng)
            return Sent("PUT", JOBS.encode(), body=body if rng.random() < 0.8 else body[:-3])
        target = JOBS.encode() + b"?" + b"&".join(b"labels=a%3Db" for _ in range(rng.choice((100, 1500))))
        return Sent("GET", target + b"&limit=1")

    # Parts of addresses.

    def reference(self, rng: random.Random) -> bytes:
        """A job, or what could be taken for one."""
        kind = rng.random()
        if self.known.jobs and kind < 0.6:
            return _escaped(rng.choice(self.known.jobs[-40:]).encode())
        if self.known.jobs and kind < 0.75:
            whole = rng.choice(self.known.jobs)
            part = whole[: rng.choice((10, 9, 5, 1, 2, 8))] if rng.random() < 0.8 else whole.upper()
            return _escaped(part.encode())
        if self.known.names and kind < 0.85:
            return _escaped(rng.choice(self.known.names).encode("utf-8", "surrogatepass"))
        wild = (UNKNOWN.encode(), UNKNOWN[2:].encode(), b"j-nope", b"%2F", b"a%2Fb", b"%00", b"%C3%A9", b"%FF", b"%zz", b"%", b"x" * 9000,
                b"..", b".", b"%20", b"a+b", b"*", b"diff", b"a;b", b"%25", b"j-%30", b"~!$&'()*,=:@")  # fmt: skip
        return rng.choice(wild)

    def _node_reference(self, rng: random.Random) -> bytes:
        if self.known.nodes and rng.random() < 0.7:
            whole = rng.choice(self.known.nodes)
            return whole[: rng.choice((len(whole), len(whole), 10, 3, 1))].encode()
        return rng.choice((b"n-", b"n", b"Qm", b"nope", b"%00", b"%2F", b"x" * 9000, b"%"))

    def _query(self, rng: random.Random, names: tuple[str, ...]) -> bytes:
        """Parameters: mostly few, mostly of the route's own."""
        parts = []
        for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 2, 3, 6))):
            name = rng.choice(names) if rng.random() < 0.9 else rng.choice(("pretty", "x", "", "%00", "job_version", "labels"))
            value = self._parameter(rng, name)
            shown = name.upper() if rng.random() < 0.05 else name
            kind = rng.random()
            if kind < 0.85:
                parts.append(shown.encode() + b"=" + _escaped(value))
            elif kind < 0.9:
                parts += [shown.encode() + b"=" + _escaped(value)] * 2
            else:
                parts.append(rng.choice((shown.encode(), shown.encode() + b"=%zz", shown.encode() + b"=a;b=c", b"%" + shown.encode(), b"=", b"&")))
        return b"&".join(parts)

    def _parameter(self, rng: random.Random, name: str) -> bytes:
        if rng.random() < 0.08:
            return text(rng).encode("utf-8", "surrogatepass")[:3000]
        known = self.known
        choices: dict[str, tuple[bytes, ...]] = {
            "limit": NUMBERS + SMALL_LIMIT * 4,
            "since": (*NUMBERS, b"1700000000", b"9223372036854775808", b"-9223372036854775808"),
            "job_version": NUMBERS,
            "order_by": ORDERS,
            "labels": SELECTORS,
            "namespace": tuple(n.encode() for n in (*NAMESPACES, "", "*", "nope")),
            "include": (b"history", b"executions", b"history,executions", b" history , x", b"", b",", b"History"),
            "event_type": (b"all", b"job", b"execution", b"", b"x", b"All"),
            "next_token": (*(t.encode() for t in known.tokens[-10:]), *TOKENS),
            "execution_id": (*(e.encode() for e in known.executions[-10:]), b"e-", b"e-nope", b""),
            "node_id": (*(n.encode() for n in known.nodes[-3:]), b"n-", b"Qm"),
            "filter-approval": (b"approved", b"APPROVED", b"pending", b"rejected", b"x", b""),
            "filter-status": (b"connected", b"disconnected", b"healthy", b""),
        }
        if name in ("reverse", "all_job_versions", "follow", "tail", "pretty"):
            return rng.choice(TRUTHS)
        return rng.choice(choices.get(name, (b"x", b"", b"1")))

    # What is around it.

    def _dressed(self, rng: random.Random, sent: Sent) -> Sent:
        """The request with headers; rarely chunked, cut off, or with headers that lie."""
        headers: list[tuple[str, str]] = []
        plain = sent.valid or rng.random() < 0.85
        if sent.body:
            headers.append(("Content-Type", "application/json" if plain else rng.choice(MEDIA_TYPES)))
        options = (
            (0.3, "X-Request-Id", lambda: rng.choice(("r-1", f"fuzz-{sent.number}", "", "é", "<&>", "x" * 3000))),
            (0.1, "X-Bacalhau-InstanceID", lambda: rng.choice(("i-1", "é", ""))),
            (0.1, "X-Bacalhau-InstallationID", lambda: rng.choice(("i-2", "x" * 2000))),
            (0.08, "Authorization", lambda: rng.choice(AUTHORIZATIONS)),
            (0.08, "Accept", lambda: rng.choice(("text/plain", "*/*", "application/json", ""))),
            (0.05, "Accept-Encoding", lambda: "gzip"),
            (0.03, "Origin", lambda: rng.choice(("http://localhost:8080", "http://127.0.0.1", "https://example.com", "null", "é"))),
            (0.02, "Connection", lambda: rng.choice(("close", "keep-alive", "Upgrade", "x"))),
            (0.01, "Upgrade", lambda: rng.choice(("websocket", "WebSocket", "h2c"))),
            (0.01, "Expect", lambda: "100-continue"),
        )
        headers += [(name, make()) for share, name, make in options if rng.random() < share]
        if self._key and (sent.valid or rng.random() < 0.85):
            headers = [*(each for each in headers if each[0] != "Authorization"), ("Authorization", f"Bearer {self._key}")]
        if not sent.valid and rng.random() < 0.06:
            headers.append(("X-Bacalhau-Git-Version", rng.choice(VERSIONS)))
        if sent.valid and rng.random() < 0.3:
            headers.append(("X-Bacalhau-Git-Version", rng.choice(("v1.9.3", "v1.4.5", ""))))
        sent = replace(sent, headers=tuple(headers))
        if not sent.valid and sent.body and rng.random() < 0.03:
            return replace(sent, chunked=True)
        return replace(sent, cut=rng.random()) if not sent.valid and rng.random() < 0.01 else sent


def _after(query: bytes) -> bytes:
    return b"?" + query if query else b""


def _escaped(value: bytes) -> bytes:
    return quote_from_bytes(value, safe="").encode()


LISTING = ("limit", "next_token", "order_by", "reverse", "labels", "namespace", "job_version", "all_job_versions")
HISTORY = ("since", "event_type", "execution_id", "limit", "next_token", "namespace", "job_version", "all_job_versions", "node_id", "reverse")


def _token(text: str) -> bytes:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=")


TOKENS = (
    _token(":N:1:1"), _token("created_at:Y:2:0"), _token("nope:N:1:0"), _token("modified_at:N:2:1"), _token(":N:0:0"), _token("::1:1"),
    _token(":N:4294967295:4294967295"), _token(":N:4294967296:0"), _token(":N:-1:0"), _token(":N:1"), _token("a:b:c:d:e"),
    _token(":N:1:" + "9" * 5000), _token(":N:\u00b2:1"), b"x", b"====", b"Ok46MTox", b"%", b"Ok46MTox==", b"+/", b"A", b"!!!!",
)  # fmt: skip
PUBLIC_KEYS = (
    "", "aGk=", "!", base64.b64encode(bytes.fromhex("3006020100020103")).decode(), base64.b64encode(b"0\x80").decode(),
    base64.b64encode(b"0\x84\xff\xff\xff\xff").decode(), base64.b64encode(b"0").decode(), "MAA=",
    base64.b64encode(bytes.fromhex("30820108028201010080") + b"\x01" * 255 + bytes.fromhex("020103")).decode(),
)  # fmt: skip
"""DER keys: none, too short, with impossible lengths, without numbers, and one of 2,048 bits that nobody holds."""
