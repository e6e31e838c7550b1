"""The scripts of a stub: which one a run plays, how often each was played, and what no script was for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from orchestrator_stub.domain.errors import OrchestratorError, StepError
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.image import ImageRule, parse_image, rule_for
from orchestrator_stub.domain.job import Job, Task
from orchestrator_stub.domain.labels import OWN_SCRIPT
from orchestrator_stub.runners.base import Runner
from orchestrator_stub.runners.scripted import SCRIPTED, Player, Refuser
from orchestrator_stub.store.memory import MemoryStore

if TYPE_CHECKING:  # a stub without scripts starts without them
    from orchestrator_stub.domain.script import Script, Subject
    from orchestrator_stub.domain.stage import Stage
    from orchestrator_stub.engine.tries import Tries

MISSES = 100
"""Executions that no script was for, kept to be looked at."""


class Miss(NamedTuple):
    """An execution that failed because no script was for it."""

    job_id: str
    execution_id: str
    text: str
    """Which facts of it count, and which script came closest."""


class Scripts:
    """The scripts of a stub, first match first. A job's own labels win, the script of its image comes last."""

    def __init__(self, items: Sequence[Script] = (), images: Sequence[ImageRule] = ()) -> None:
        """`images`: of `--images`; where a rule has stages, they stand in for the image."""
        self.items: tuple[Script, ...] = tuple(items)
        self.hits: list[int] = [0] * len(self.items)
        """How many runs each was played in."""
        self.misses: deque[Miss] = deque(maxlen=MISSES)
        """Oldest first."""
        self._images = tuple(images) if any(rule.stages is not None for rule in images) else ()
        self._tries: Tries | None = None
        self._store: MemoryStore
        self._drop_node: Callable[[str], None]

    def connect(self, store: MemoryStore, drop_node: Callable[[str], None]) -> None:
        """What scripts need of the orchestrator, before the first execution.

        :param drop_node: makes a node fall silent; raises OrchestratorError when it is silent already
        """
        self._store, self._drop_node = store, drop_node

    def replace(self, items: Sequence[Script]) -> None:
        """Other scripts from now on; runs that have one keep it. Hits of those that were there before stay."""
        known = list(zip(self.items, self.hits, strict=True))
        kept = [next((pair for pair in known if pair[0] == item), (item, 0)) for item in items]
        self.items, self.hits = tuple(item for item, _ in kept), [hits for _, hits in kept]

    def clear(self) -> None:
        """As if there had never been any, nor any job; the images' own stay."""
        self.items, self.hits, self._tries = (), [], None
        self.misses.clear()

    def runner(self, execution: Execution, real: Callable[[Task], Runner]) -> Runner:
        """What an execution is checked and run with.

        :param real: gives the runner that takes its task without a script; raises StepError for none
        :raises StepError: there is none
        """
        job = execution.job
        if not self.items and not self._images and not _brings_script(job):
            return real(job.task)
        if _brings_script(job):
            return self._of_labels(job)
        number = self._chosen(execution)
        if number is not None:
            item = self.items[number]
            return Player(item.stages, self._lose_node, partial(self._hit, item))
        stages = self._of_image(job.task)
        return Player(stages, self._lose_node) if stages is not None else self._unmatched(execution, real(job.task))

    def choose(self, execution: Execution) -> Script | None:
        """The first script of the list that is for an execution."""
        number = self._chosen(execution)
        return None if number is None else self.items[number]

    def hint(self, job: Job, real: Callable[[Task], Runner]) -> str:
        """What to tell whoever submits a job, in the place of what its runner says; "" for nothing.

        :param real: see `runner`
        """
        if _brings_script(job):
            from orchestrator_stub.domain.plain import PlainError
            from orchestrator_stub.domain.scriptreading import labelled_stages

            try:
                labelled_stages(job.labels)
            except PlainError as error:
                return f"this job fails here: {error}"
            return f"this stub runs nothing for this job, its labels {OWN_SCRIPT}* say what becomes of it"
        if self.items and (text := self._listed_hint(job)):
            return text
        if self._of_image(job.task) is not None:
            return "this stub runs nothing for this job, a script stands in for its image (--images)"
        return self._missed_hint(job, real) if self.items else ""

    def _listed_hint(self, job: Job) -> str:
        from orchestrator_stub.domain.script import candidates, subject_of

        found = candidates(self.items, subject_of(job), max(1, job.count or 0))
        texts = "; ".join(script.match.text for script in found)
        whose = "a script is" if len(found) == 1 else "scripts are"
        return f"this stub runs nothing for this job, {whose} for it ({texts})" if found else ""

    def _missed_hint(self, job: Job, real: Callable[[Task], Runner]) -> str:
        from orchestrator_stub.domain.script import miss, subject_of

        try:
            pretends = real(job.task).name == SCRIPTED
        except StepError:  # no node takes such a job
            return ""
        return f"this job fails here: {miss(self.items, subject_of(job))}" if pretends else ""

    # Choosing.

    def _of_labels(self, job: Job) -> Runner:
        from orchestrator_stub.domain.plain import PlainError
        from orchestrator_stub.domain.scriptreading import labelled_stages

        try:
            return Player(labelled_stages(job.labels) or (), self._lose_node)
        except PlainError as error:
            return Refuser(str(error))

    def _chosen(self, execution: Execution) -> int | None:
        if not self.items:
            return None
        from orchestrator_stub.domain.script import first_match

        return first_match(self.items, self._subject(execution))

    def _subject(self, execution: Execution) -> Subject:
        from orchestrator_stub.domain.script import subject_of

        # Which attempt it is is only found out where a script asks.
        counts = any(item.match.attempt is not None for item in self.items)
        return subject_of(execution.job, execution.partition, self._attempt(execution) if counts else 1)

    def _attempt(self, execution: Execution) -> int:
        if self._tries is None:
            from orchestrator_stub.engine.tries import Tries

            self._tries = Tries(self._store)
        return self._tries.number(execution)

    def _of_image(self, task: Task) -> Sequence[Stage] | None:
        if not self._images:
            return None
        from orchestrator_stub.domain.script import image_of

        reference = parse_image(image_of(task))
        rule = rule_for(reference, self._images) if reference is not None else None
        return rule.stages if rule is not None else None

    def _unmatched(self, execution: Execution, runner: Runner) -> Runner:
        """The runner of the engine; one that would only pretend fails it instead, where there are scripts."""
        if runner.name != SCRIPTED or not self.items:
            return runner
        from orchestrator_stub.domain.script import miss

        text = miss(self.items, self._subject(execution))
        seen = Miss(execution.job_id, execution.id, text)
        return Refuser(text, runner, partial(self.misses.append, seen))

    # While they are played.

    def _hit(self, script: Script) -> None:
        for number, item in enumerate(self.items):
            if item is script:
                self.hits[number] += 1

    def _lose_node(self, node_id: str) -> None:
        try:
            self._drop_node(node_id)
        except OrchestratorError:
            return  # it is silent already, or deleted: nobody hears of this run either


def _brings_script(job: Job) -> bool:
    return any(key.startswith(OWN_SCRIPT) for key in job.labels)
