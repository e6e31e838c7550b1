"""Explicit-state model of "one live job per key", with the product's decisions inside.

Breadth-first search over one task's Airflow row, its workers, its trigger and a server. Faults: kill -9 of worker or
triggerer at every step, an executor that cannot launch, a heartbeat timeout of a live worker, a rollout's SIGTERM, lost
or late submits and stops, lost replies, failing jobs, jobs Pending for ever, two triggerers, a trigger that raises. The
user clears, marks, re-creates the run or edits `retries`. `check` returns every violated invariant with its shortest
trace. Time is not modelled: delayed requests are unbounded, and every grace period is over.
"""

from __future__ import annotations

from collections import deque

from protocol_world import LIVE, Platform, Row, Trigger, World, put


class Model(Platform):
    def successors(self, w):
        yield from self.airflow(w)
        yield from self.server(w)
        for i, p in enumerate(w.ps):
            yield from self.worker(w, i, p)
        for i, t in enumerate(w.ts):
            yield from self.trigger(w, i, t)

    def worker(self, w, i, p):
        ti, me = w.ti, f"try {p.tr}"
        cur = ti.tid == p.tid and ti.st == "run"

        def set_(v, **changed):
            return v._replace(ps=put(v.ps, i, p._replace(**changed)))

        gone = w._replace(ps=put(w.ps, i, None))
        if self.fault(w, "crash"):
            yield f"{me}: kill -9 at '{p.pc}'", "fault", self.pay(gone, "crash")
        if self.fault(w, "rollout") and not p.killed:
            yield from self.sigterm(self.pay(w, "rollout"), i, p, "fault")
        if not cur and not p.killed:
            yield from self.sigterm(w, i, p, "sys")
        if p.killed:
            yield from self.dying(w, gone, i, p, cur=cur)
        elif p.pc in ("start", "look", "put") and self.c.airflow == "3.3" and ti.tid != p.tid:
            yield f"{me}: fence write refused, gives up", "sys", set_(w, pc="bad")
        elif p.pc in ("start", "look"):
            yield from self.look(w, p, set_, cur=cur)
        elif p.pc == "stop":
            if not p.todo:
                yield f"{me}: stops asked", "sys", set_(w, pc="look")
            else:
                for lab, kind, v, _ in self.stop(w, p.todo[0], (p.ep[0], p.tr, "superseded")):
                    yield f"{me}: DELETE job {p.todo[0]}{lab}", kind, set_(v, todo=p.todo[1:])
        elif p.pc == "put":
            args = (p.name, p.ep, p.slot, p.fp, p.uc, p.tr)
            for lab, kind, v, ans in self.send(w, ("PUT", *args), lambda v: self.put_job(v, *args)):
                found = {"pc": "look"} if ans is None else {"pc": "got", "jid": ans}
                yield f"{me}: PUT{lab}", kind, set_(v, put=p.slot, **found)
        elif p.pc == "got":
            v = self.save(w, p, "running", p.name)
            yield f"{me}: persists job {p.jid}", "sys", set_(v, pc="defer" if self.c.defer else "wait")
        elif p.pc == "defer" and cur:
            t = Trigger(p.tid * 10 + p.slot, p.tr, p.ep, p.fp, w.jobs[p.jid].slot, p.jid, ghost=False)
            v = gone._replace(ti=ti._replace(st="def", trid=t.trid), ts=(*w.ts, t))
            yield f"{me}: defers on job {p.jid}", "sys", v
        elif p.pc == "wait":
            yield from self.sweep(w, p, me, set_)
            yield from self.conclude(w, p, me, set_)
        elif p.pc == "resume":
            yield from self.resume(w, p, me, set_, cur=cur)
        elif p.pc in ("ok", "bad"):
            yield f"{me}: ends {p.pc}", "sys", self.end(w, gone, p, cur=cur)

    def end(self, w, gone, p, *, cur):
        ti = w.ti
        if cur and p.pc == "ok":
            j, bad = w.jobs[p.jid], ""
            if j.uc != ti.uc:
                bad = "success with the result of a job from before the clear"
            if j.fp != p.fp:
                bad = "success with the result of another spec"
            return gone._replace(ti=ti._replace(st="succ"), bad=w.bad or bad)
        if cur:
            return self.fail_attempt(gone, ti)
        if ti.st == "restart":
            return gone._replace(ti=ti._replace(st="none", mt=ti.tr + ti.ret))
        return gone

    def dying(self, w, gone, i, p, *, cur):
        """After SIGTERM: the main thread submits nothing and stops any id that still comes back; then SIGKILL."""
        ti, by = w.ti, (p.ep[0], p.tr, "on_kill")
        if ti.st == "restart":
            gone = gone._replace(ti=ti._replace(st="none", mt=ti.tr + ti.ret))
        elif cur:
            gone = self.fail_attempt(gone, ti)
        yield f"try {p.tr}: SIGKILL", "sys", gone
        stop = []
        if p.pc == "look" and p.name:
            stop = [k for k, j in enumerate(w.jobs) if j.st in LIVE and (j.ep, j.fp) == (p.ep, p.fp)]
        if p.pc == "got":
            stop = [p.jid]
        for k in stop:
            for lab, kind, v, _ in self.stop(w, k, by):
                done = v._replace(ps=put(v.ps, i, p._replace(pc="bad")))
                yield f"try {p.tr}: killed, stops job {k}{lab}", kind, done

    def look(self, w, p, set_, *, cur):
        d = self.rules.decide(p.ep, p.fp, w.jobs, w.rec, p.put)
        lab = f"try {p.tr}: {d[0]} {d[1]}"
        if d[0] == "stop":
            yield lab, "sys", set_(w, pc="stop", todo=d[1])
        elif d[0] == "submit":
            if cur and any(j.st == "F" and (j.uc, j.fp, j.tr) == (p.uc, p.fp, p.tr) for j in w.jobs):
                w = w._replace(bad=w.bad or "second job in one attempt after a real failure")
            if cur and any(j.st == "C" and (j.uc, j.fp) == (p.uc, p.fp) for j in w.jobs):
                w = w._replace(bad=w.bad or "runs again although this epoch has a good result")
            name = (p.ep, d[1], p.fp)
            v = self.save(w, p._replace(slot=d[1]), "submitting", name)
            yield lab, "sys", set_(v, pc="put", name=name, slot=d[1])
        else:
            j = w.jobs[d[1]]
            yield lab, "sys", set_(w, pc="got", jid=d[1], name=j.name, slot=j.slot)

    def save(self, w, p, phase, name):
        own = self.c.airflow == "3.3" and w.ti.tid == p.tid
        return w._replace(rec=(p.ep, p.slot, p.fp, phase, name)) if own else w

    def resume(self, w, p, me, set_, *, cur):
        nxt = w.ti.nxt
        if nxt is None or not cur:
            yield f"{me}: cannot resume", "sys", set_(w, pc="bad")
        elif (nxt[2], nxt[3][0]) != (p.tr, p.ep[0]):
            yield f"{me}: event of another attempt, starts over", "sys", set_(w, pc="start")
        elif nxt[0] == "err":
            pin = {"ep": nxt[3], "fp": nxt[4], "put": w.jobs[nxt[1]].slot}
            yield f"{me}: trigger error, looks again", "sys", set_(w, pc="look", **pin)
        else:
            pin = {"jid": nxt[1], "ep": nxt[3], "fp": nxt[4], "slot": w.jobs[nxt[1]].slot}
            pinned = p._replace(**pin)
            yield from self.sweep(w, pinned, me, lambda v, **k: set_(v, **(pin | {"pc": "wait"} | k)))
            yield from self.conclude(w, pinned, me, lambda v, **k: set_(v, **(pin | k)))

    def sigterm(self, w, i, p, kind0):
        me, by = f"try {p.tr}", (p.ep[0], p.tr, "on_kill")
        killed = w._replace(ps=put(w.ps, i, p._replace(killed=True)))
        jid = p.jid
        if jid < 0 and p.pc == "resume" and w.ti.nxt:
            jid = w.ti.nxt[1]
        if jid < 0 and p.name:
            named = self.c.server == "1.8"
            hit = [
                k
                for k, j in enumerate(w.jobs)
                if j.st in LIVE and (j.name == p.name if named else (j.ep, j.fp) == (p.ep, p.fp))
            ]
            jid = hit[0] if hit else -1
        if jid < 0:
            yield f"{me}: SIGTERM, no id known", kind0, killed
            return
        for lab, kind, v, _ in self.stop(killed, jid, by):
            done = v._replace(ps=put(v.ps, i, p._replace(killed=True, jid=jid)))
            yield f"{me}: SIGTERM, on_kill stops job {jid}{lab}", kind if kind0 == "sys" else kind0, done

    def sweep(self, w, x, me, set_):
        """A watcher stops strays and follows the survivor of twins."""
        strays, follow = self.rules.sweep(x.ep, x.fp, x.slot, x.jid, w.jobs)
        for k in strays:
            for lab, kind, v, _ in self.stop(w, k, (x.ep[0], x.tr, "twin")):
                yield f"{me}: sweeps job {k}{lab}", kind, set_(v)
        if follow != x.jid:
            yield f"{me}: follows {follow}", "sys", set_(w, jid=follow)

    def blocked(self, w, x):
        """The last look before a verdict still finds something to clean, or another job to follow."""
        return self.rules.sweep(x.ep, x.fp, x.slot, x.jid, w.jobs) != ((), x.jid)

    def conclude(self, w, p, me, set_):
        j = w.jobs[p.jid]
        if j.st == "L" or self.blocked(w, p):
            return
        if j.st == "C":
            yield f"{me}: job {p.jid} succeeded", "sys", set_(w, pc="ok")
        elif j.st == "Z":
            yield f"{me}: job {p.jid} never accepted, looks again", "sys", set_(w, pc="look", put=0)
        elif j.st == "S" and j.by is not None and self.rules.heals(p.ep, p.tr, j.by, p.killed):
            yield f"{me}: job {p.jid} was stopped by {j.by}, looks again", "sys", set_(w, pc="look", put=0)
        else:
            bad = w.bad
            cur = w.ti.tid == p.tid and w.ti.st == "run"
            if cur and j.used and j.used != p.tr:
                bad = bad or "attempt fails with an outcome that an earlier attempt already used"
            if cur and j.st == "S" and j.by is not None and not p.killed:
                bad = bad or "attempt fails because an actor of its own task stopped its job"
            v = w._replace(jobs=put(w.jobs, p.jid, j._replace(used=j.used or p.tr * cur)), bad=bad)
            yield f"{me}: job {p.jid} ended {j.st}, attempt fails", "sys", set_(v, pc="bad")

    def trigger(self, w, i, t):
        ti = w.ti
        me = f"trigger of try {t.tr}{' (stalled copy)' if t.ghost else ''}"
        gone = w._replace(ts=put(w.ts, i, None))
        mine = ti.trid == t.trid and ti.st == "def"
        if t.ghost or (not mine and not (ti.trid == t.trid and ti.st == "none")):
            if ti.st == "def":
                yield f"{me}: on_kill, deferred -> skip", "sys", gone
            else:
                for lab, kind, v, _ in self.stop(gone, t.jid, (t.ep[0], t.tr, "on_kill")):
                    yield f"{me}: on_kill ({ti.st}) stops job {t.jid}{lab}", kind, v
        if t.ghost:
            return
        if self.fault(w, "tcrash"):
            v = self.pay(gone, "tcrash")
            yield f"{me}: triggerer kill -9", "fault", v._replace(ts=(*v.ts, t)) if mine else v
        if not mine:
            return
        if self.fault(w, "split"):
            yield f"{me}: stalls", "fault", self.pay(w, "split")._replace(ts=(*w.ts, t._replace(ghost=True)))
        back = ti._replace(st="sched", trid=0)
        pin = (t.jid, t.tr, t.ep, t.fp)
        if self.fault(w, "terr"):
            yield f"{me}: raises", "fault", self.pay(gone, "terr")._replace(ti=back._replace(nxt=("err", *pin)))
        yield from self.sweep(w, t, me, lambda v, **k: v._replace(ts=put(v.ts, i, t._replace(**k))))
        if w.jobs[t.jid].st == "Z":
            for lab, kind, v, _ in self.stop(w, t.jid, (t.ep[0], t.tr, "accept")):
                yield f"{me}: job {t.jid} never accepted, stopped{lab}", kind, v
        elif w.jobs[t.jid].st != "L" and not self.blocked(w, t):
            yield f"{me}: event", "sys", gone._replace(ti=back._replace(nxt=("ev", *pin)))


def settled_badly(w):
    """What is wrong with a world in which nothing moves any more; empty when nothing is."""
    live = [i for i, j in enumerate(w.jobs) if j.st in LIVE]
    if len(live) > 1:
        return "two live jobs of one key"
    if live and w.ti.st in ("succ", "fail"):
        return "orphan: live job, attempt over"
    if w.ti.st == "def" and live and w.ts and w.ts[0].jid != live[0]:
        return "waits for a job that is not the live one"
    if w.ti.st not in ("succ", "fail", "def", "run"):
        return "stuck in " + w.ti.st
    if w.ti.st == "run" and not any(p.pc == "wait" for p in w.ps):
        return "worker stuck"
    return ""


def check(config, rules, limit=400_000):
    """Number of states, whether the limit was reached, and {(violation, kinds of faults): shortest trace}."""
    model = Model(config, rules)
    row = Row("none", 0, 1, 1, 1, 0, 0, None, 0, 0)
    start = World(row, (), (), (), (), None, (config.most_faults, config.most_users, ()), "")
    seen, todo, found = {start: None}, deque([start]), {}

    def note(violation, w):
        trace, at = [], w
        while seen[at] is not None:
            label, at = seen[at]
            trace.append(label)
        found.setdefault((violation, w.bud[2]), trace[::-1])

    while todo:
        w = todo.popleft()
        if len(seen) > limit:
            return len(seen), True, found
        if w.bad:
            note(w.bad, w)
            continue
        if len(w.jobs) > 5 or w.ti.tr > 4:
            continue
        if config.overlap and sum(j.st in LIVE for j in w.jobs) > 1:
            note("two live jobs for a moment", w)
        moves = 0
        for label, kind, after in model.successors(w):
            moves += kind == "sys"
            if after not in seen:
                seen[after] = (label, w)
                todo.append(after)
        violation = settled_badly(w) if moves == 0 else ""
        if violation:
            note(violation, w)
    return len(seen), False, found
