"""The protocol's model with the product's decisions inside: no fault and no user action breaks exactly-once.

`PROTOCOL_MODEL=2` searches two faults together on every combination, which takes minutes.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from functools import cache
from pathlib import Path

import pytest

from airflow_provider_bacalhau.lifecycle import submission as product
from airflow_provider_bacalhau.lifecycle.identity import Epoch, stop_reason


def load(name):
    """A module beside this file; the folder is no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


world = load("protocol_world")
model = load("protocol_model")
CLASSES = {"L": "live", "Z": "condemned", "C": "good", "F": "bad", "S": "bad"}
NOW, LONG_AGO = 1_000.0, 0.0


def names(epoch, slot, fp):
    return repr((epoch, slot, fp))


def found_in(jobs):
    return [
        product.Found(
            f"{i:04}", "default", Epoch(*j.ep), j.slot, str(j.fp), CLASSES[j.st], i, names(*j.name),
            swept=j.by is not None and j.by[2] == "twin",
        )  # fmt: skip
        for i, j in enumerate(jobs)
    ]


def rules_of(server, *, durable=True):
    """The product's decisions on the model's values."""
    policy = product.Policy(durable=durable, unique_names=server == "1.8")

    @cache
    def decide(ep, fp, jobs, rec, put):
        me = product.Me(Epoch(*ep), str(fp), put, LONG_AGO, lambda slot: names(ep, slot, fp))
        record = rec and product.Record(
            1, Epoch(*rec[0]).text, rec[1], str(rec[2]), names(*rec[4]), "", "default", "c",
            "submitting" if rec[3] == "submitting" else "submitted", LONG_AGO,
        )  # fmt: skip
        action = product.decide(me, record or None, found_in(jobs), policy, NOW)
        if isinstance(action, product.Stop):
            return "stop", tuple(int(job.id) for job in action.jobs)
        if isinstance(action, product.Collect):
            return "collect", int(action.job.id)
        if isinstance(action, product.Adopt):
            return "adopt", int(action.job.id)
        return "submit", action.slot  # never a Wait: every grace is over

    @cache
    def sweep(ep, fp, slot, jid, jobs):
        found = found_in(jobs)
        result = product.sweep(product.Me(Epoch(*ep), str(fp), slot), found[jid], found, policy)
        return tuple(int(order.job.id) for order in result.orders), int(result.follow.id)

    @cache
    def heals(ep, try_number, by, killed):
        return product.after_stop(Epoch(*ep), try_number, stop_reason(*by), heals=0, killed=killed) == "again"

    return world.Rules(decide, sweep, heals)


def config(**changed):
    return world.Config(faults=tuple(world.FAULTS), users=tuple(world.USERS), **changed)


def broken(found):
    return {violation: " | ".join(trace) for (violation, _), trace in found.items()}


SMALL = [
    {"server": "1.8", "defer": True},
    {"server": "1.7", "defer": True},
    {"server": "1.8", "defer": False, "specs": "try"},
    {"server": "1.7", "defer": False, "specs": "clear"},
]
LARGE = [
    {"server": server, "defer": defer, "specs": specs, "most_faults": 2}
    for server in ("1.8", "1.7")
    for defer in (True, False)
    for specs in ("same", "clear", "try")
]


@pytest.mark.timeout(3_600)
@pytest.mark.parametrize(
    "options", LARGE if os.environ.get("PROTOCOL_MODEL") == "2" else SMALL, ids=lambda o: "-".join(map(str, o.values()))
)
def test_faults_and_a_user_action_break_nothing(options):
    """Each violation here is a double submit, an orphan, an old result, or a needless second run (T20)."""
    states, cut, found = model.check(config(**options), rules_of(options["server"]), limit=4_000_000)
    assert broken(found) == {}
    assert not cut
    assert states > 10_000


def test_airflow_3_1_breaks_only_where_it_cannot_be_helped():
    """Without a store a clear of a running row whose worker is dead looks like a retry; nothing else may break."""
    _, _, found = model.check(config(airflow="3.1", defer=False), rules_of("1.8"))
    assert set(broken(found)) <= {
        "success with the result of a job from before the clear",
        "runs again although this epoch has a good result",
    }


@pytest.mark.parametrize("server", ["1.8", "1.7"])
def test_without_durability_only_work_is_done_twice(server):
    """`durable=False` runs a finished job again, as it says; it must not make two live jobs, or orphans (T20)."""
    _, _, found = model.check(config(server=server, defer=False), rules_of(server, durable=False))
    assert set(broken(found)) <= {"runs again although this epoch has a good result"}


CALM = ("crash", "exec", "lostDEL", "jobfail", "stuck")
"""Faults after which two jobs need not even overlap: no request arrives late, no worker acts after its time."""


def overlaps(rules):
    calm = world.Config(faults=CALM, users=("clear", "edit"), specs="try", overlap=True)
    return broken(model.check(calm, rules)[2])


def test_jobs_do_not_even_overlap_while_no_request_is_late():
    """A stop that is asked but not confirmed before the submit shows here (T20)."""
    assert overlaps(rules_of("1.8")) == {}


def without_stops(rules):
    """An attempt that sees only the jobs it may adopt."""

    def decide(ep, fp, jobs, rec, put):
        blind = tuple(j if (j.ep, j.fp) == (ep, fp) else j._replace(st="S") for j in jobs)
        return rules.decide(ep, fp, blind, rec, put)

    return rules._replace(decide=decide)


def test_an_attempt_that_does_not_stop_is_found():
    """A model that cannot fail proves nothing."""
    assert "two live jobs for a moment" in overlaps(without_stops(rules_of("1.8")))


@pytest.mark.parametrize(
    ("mutate", "faults", "violation"),
    [
        (lambda rules: rules._replace(sweep=lambda *a: ((), a[3])), ("latePUT",), "two live jobs of one key"),
        (lambda rules: rules._replace(heals=lambda *_: False), ("zombie",), "attempt fails because an actor"),
        (
            lambda rules: rules._replace(decide=lambda *a: rules.decide(*a[:4], 0)),
            ("replyPUT", "jobfail"),
            "second job in one attempt after a real failure",
        ),
    ],
    ids=["never sweeps", "never repairs", "forgets its submit"],
)
def test_a_missing_rule_is_found(mutate, faults, violation):
    """A model that cannot fail proves nothing."""
    scene = world.Config(faults=faults, most_faults=2, users=("clear",), server="1.7")
    found = broken(model.check(scene, mutate(rules_of("1.7")))[2])
    assert any(name.startswith(violation) for name in found)
    assert broken(model.check(scene, rules_of("1.7"))[2]) == {}
