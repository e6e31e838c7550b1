"""The world of the protocol's model: Airflow's row, the server with its network, the user, and what may go wrong.

Workers and triggers move in `protocol_model`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Job(NamedTuple):  # the index in World.jobs is the id and the order of creation
    name: tuple
    ep: tuple  # born, clear_number, max_tries, retries (3.1) or None
    slot: int
    fp: int
    st: str  # L live, Z live but Pending for ever, C completed, F failed, S stopped
    by: tuple | None  # author of the stop: born, try, cause
    uc: int  # ghost: user clears before the submission
    used: int  # ghost: try that already failed because of it
    tr: int  # ghost: try that sent it


class Row(NamedTuple):  # Airflow's row
    st: str  # none queued run def sched retry restart succ fail
    tr: int
    tid: int  # ti.id
    mt: int  # max_tries
    ret: int  # retries in today's DAG
    cn: int  # clear_number as the worker sees it
    born: int
    nxt: tuple | None  # resume: ev|err, job, try, epoch, fp of the attempt that deferred
    trid: int
    uc: int  # ghost: user clears


class Worker(NamedTuple):
    tid: int
    tr: int
    ep: tuple
    fp: int
    pc: str  # start look stop put got wait defer ok bad resume
    jid: int  # -1 none
    name: tuple | None
    todo: tuple
    killed: bool
    uc: int
    slot: int
    put: int = 0  # slot for which this attempt has sent a PUT


class Trigger(NamedTuple):
    trid: int
    tr: int
    ep: tuple
    fp: int
    slot: int
    jid: int
    ghost: bool


class World(NamedTuple):
    ti: Row
    jobs: tuple
    net: tuple  # delayed requests
    ps: tuple
    ts: tuple
    rec: tuple | None  # what is in flight: epoch, slot, fp, phase, name
    bud: tuple  # faults left, user actions left, kinds used
    bad: str  # violation seen on the way


class Rules(NamedTuple):
    """The decisions under test, on the model's own values."""

    decide: Callable  # (epoch, fp, jobs, rec, put) -> ("stop", ids) | ("collect"|"adopt", id) | ("submit", slot)
    sweep: Callable  # (epoch, fp, slot, id, jobs) -> ids to stop, id to follow
    heals: Callable  # (epoch, try, by, killed) -> bool: look again after a stop by that author


class Config(NamedTuple):
    airflow: str = "3.3"  # 3.1: no store; clear_number moves only when a finished run is cleared
    server: str = "1.8"  # 1.7: no unique names
    defer: bool = True
    specs: str = "same"  # same | clear (a new spec after a clear) | try (a new one each try)
    faults: tuple = ()
    most_faults: int = 1
    users: tuple = ()
    most_users: int = 1
    overlap: bool = False  # moments with two live jobs count as violations too


LIVE = "LZ"
FAULTS = (
    "crash tcrash exec zombie rollout lostPUT replyPUT latePUT lostDEL lateDEL jobfail stuck split terr"
).split()
USERS = "clear fail succ recreate edit".split()


def put(seq, i, x):
    return seq[:i] + ((x,) if x is not None else ()) + seq[i + 1 :]


class Platform:
    def __init__(self, config: Config, rules: Rules) -> None:
        self.c, self.rules = config, rules

    def epoch(self, ti):
        return ti.born, ti.cn, ti.mt, ti.ret if self.c.airflow == "3.1" else None

    def fp(self, ti):
        return {"same": 0, "clear": ti.uc, "try": ti.tr}[self.c.specs]

    def fault(self, w, kind):
        return kind in self.c.faults and w.bud[0] > 0 and kind not in w.bud[2]

    def pay(self, w, kind):
        n, u, k = w.bud
        return w._replace(bud=(n - 1, u, tuple(sorted((*k, kind)))))

    def kill_job(self, w, jid, by):
        j = w.jobs[jid]
        return w._replace(jobs=put(w.jobs, jid, j._replace(st="S", by=by))) if j.st in LIVE else w

    def put_job(self, w, name, ep, slot, fp, uc, tr):
        """The server's side of a submit: world and job."""
        if self.c.server == "1.8":
            for i, j in enumerate(w.jobs):
                if j.name == name:
                    if (j.ep, j.slot, j.fp) == (ep, slot, fp):
                        return w, i  # "no changes detected" counts as found
                    jobs = put(w.jobs, i, j._replace(ep=ep, slot=slot, fp=fp, st="L", uc=uc, tr=tr))
                    return w._replace(jobs=jobs, bad=w.bad or "UPDATE of a job"), i
        return w._replace(jobs=(*w.jobs, Job(name, ep, slot, fp, "L", None, uc, 0, tr))), len(w.jobs)

    def send(self, w, what, do):
        """Yield label, kind, world, answer; answer None: nothing came back."""
        after, answer = do(w)
        yield "", "sys", after, answer
        tag = "PUT" if what[0] == "PUT" else "DEL"
        if self.fault(w, "lost" + tag):
            yield " [request lost]", "fault", self.pay(w, "lost" + tag), None
        if self.fault(w, "reply" + tag):
            yield " [reply lost]", "fault", self.pay(after, "reply" + tag), None
        if self.fault(w, "late" + tag):
            yield " [delayed]", "fault", self.pay(w, "late" + tag)._replace(net=(*w.net, what)), None

    def stop(self, w, jid, by):
        yield from self.send(w, ("DEL", jid, by), lambda v: (self.kill_job(v, jid, by), True))

    def fail_attempt(self, w, ti):
        """Airflow's handle_failure: ti.id is renewed only when the row was RUNNING."""
        if ti.st == "restart" or (ti.ret and ti.tr <= ti.mt):
            tid = ti.tid + 1 if ti.st == "run" else ti.tid
            return w._replace(ti=ti._replace(st="retry", tid=tid, nxt=None))
        return w._replace(ti=ti._replace(st="fail", nxt=None))

    def airflow(self, w):
        ti = w.ti
        mine = [p for p in w.ps if p.tid == ti.tid]
        if ti.st in ("none", "retry"):
            yield "schedule", "sys", w._replace(ti=ti._replace(st="queued", tr=ti.tr + 1))
        if ti.st == "sched":
            yield "queue resume", "sys", w._replace(ti=ti._replace(st="queued"))
        if ti.st == "queued" and len(w.ps) < 3:
            pc = "resume" if ti.nxt else "start"
            p = Worker(ti.tid, ti.tr, self.epoch(ti), self.fp(ti), pc, -1, None, (), killed=False, uc=ti.uc, slot=0)
            yield f"try {ti.tr} starts ({pc})", "sys", w._replace(ti=ti._replace(st="run"), ps=(*w.ps, p))
            if self.fault(w, "exec"):
                yield f"executor cannot launch try {ti.tr}", "fault", self.fail_attempt(self.pay(w, "exec"), ti)
        if ti.st == "run" and not mine:
            yield "heartbeat timeout", "sys", self.fail_attempt(w, ti)
        if ti.st == "run" and mine and self.fault(w, "zombie"):
            yield "heartbeat timeout of a live worker", "fault", self.fail_attempt(self.pay(w, "zombie"), ti)
        if ti.st == "restart" and not w.ps:
            yield "heartbeat timeout of a restarting row", "sys", self.fail_attempt(w, ti)
        alone = not (w.ps or w.ts or w.net)
        if ti.st in ("succ", "fail") and alone and any(j.st in LIVE for j in w.jobs):
            jobs = tuple(j._replace(st="S") if j.st in LIVE else j for j in w.jobs)
            yield "REAPER", "sys", w._replace(jobs=jobs)
        if w.bud[1] > 0:
            yield from self.user(w._replace(bud=(w.bud[0], w.bud[1] - 1, w.bud[2])), ti)

    def user(self, w, ti):
        users, new = self.c.users, self.c.airflow == "3.3"
        if "clear" in users and ti.st not in ("none", "restart") and ti.tr > 0:
            t2 = ti._replace(tid=ti.tid + 1, uc=ti.uc + 1)
            if ti.st == "run":
                t2 = t2._replace(st="restart", cn=ti.cn + new)
            else:
                over = ti.st in ("succ", "fail")
                cn, born = ti.cn + (over or new), ti.born + over
                t2 = t2._replace(st="none", mt=ti.tr + ti.ret, nxt=None, born=born, cn=cn)
            yield f"USER clears ({ti.st})", "user", w._replace(ti=t2)
        for action in ("fail", "succ"):
            if action in users and ti.st in ("queued", "run", "def", "sched", "retry"):
                yield f"USER marks {action} ({ti.st})", "user", w._replace(ti=ti._replace(st=action, nxt=None))
        if "recreate" in users and ti.st in ("succ", "fail"):
            fresh = Row("none", 0, ti.tid + 1, ti.ret, ti.ret, 0, ti.born + 1, None, 0, ti.uc + 1)
            yield "USER re-creates the run", "user", w._replace(rec=None, ti=fresh)
        if "edit" in users and ti.ret == 1:
            for d in (1, -1):
                yield f"USER edits retries {d:+}", "user", w._replace(ti=ti._replace(ret=ti.ret + d))

    def server(self, w):
        for i, j in enumerate(w.jobs):
            if j.st != "L":
                continue
            yield f"job {i} completes", "env", w._replace(jobs=put(w.jobs, i, j._replace(st="C")))
            for kind, st in (("jobfail", "F"), ("stuck", "Z")):
                if self.fault(w, kind):
                    changed = self.pay(w, kind)._replace(jobs=put(w.jobs, i, j._replace(st=st)))
                    yield f"job {i}: {kind}", "fault", changed
        for i, m in enumerate(w.net):
            after = w._replace(net=put(w.net, i, None))
            if m[0] == "PUT":
                after, jid = self.put_job(after, *m[1:])
                yield f"LATE submit arrives -> job {jid}", "sys", after
            else:
                yield f"LATE stop of job {m[1]} arrives", "sys", self.kill_job(after, m[1], m[2])
