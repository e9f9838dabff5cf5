"""`catalog rebuild --dry-run`: what a rebuild would read, and how long it should take."""

from collections import Counter
from typing import Any

from adapters.cli import tables
from adapters.cli.phases import NAMES
from adapters.figures import number, span
from projections.engine.plan import RebuildPlan, timed_phases


def as_dict(plan: RebuildPlan) -> dict[str, Any]:
    """For machines."""
    return {
        "as_of": None if plan.as_of is None else plan.as_of.isoformat(),
        "resumes": plan.resumes,
        "offsets": plan.offsets,
        "reads": [
            {
                "topic": one.topic,
                "partition": one.partition,
                "from": one.start,
                "to": one.end,
                "offsets": one.offsets,
            }
            for one in plan.readings
        ],
        "carried_over": list(plan.carried),
        "history_whole": not plan.violations,
        "violations": list(plan.violations),
        "seconds": plan.seconds,
        "total_seconds": plan.total_seconds,
        "timed_by": list(plan.timed_by),
    }


def show(plan: RebuildPlan) -> None:
    """For people."""
    if plan.resumes is not None:
        print(f"resumes generation {plan.resumes}")
    rows = []
    for topic, partitions in Counter(one.topic for one in plan.readings).items():
        its = [one for one in plan.readings if one.topic == topic]
        first, end = sum(one.start for one in its), sum(one.end for one in its)
        rows.append((topic, partitions, first, end, end - first))
    tables.show(("topic", "partitions", "from", "to", "offsets"), rows)
    if plan.carried:
        print(f"carried over from the live generation: {', '.join(plan.carried)}")
    print(f"{number(plan.offsets)} offsets to read (a transaction's end takes one)")
    if plan.as_of is not None:
        print(f"of these events those that were committed by {plan.as_of.isoformat()}")
    for violation in plan.violations:
        print(f"history is not whole: {violation}")
    if not plan.violations:
        print("history is whole")
    print(_time(plan))


def _time(plan: RebuildPlan) -> str:
    if not plan.seconds:
        return "how long it takes is not known yet: no rebuild has been timed here"
    steps = ", ".join(f"{NAMES[name]} {span(s)}" for name, s in plan.seconds.items())
    by = " and ".join(map(str, plan.timed_by))
    missing = [NAMES[name] for name in timed_phases(plan.as_of) if name not in plan.seconds]
    unknown = f"; not known: {', '.join(missing)}" if missing else ""
    total = span(sum(plan.seconds.values()))
    return f"should take about {total}, at the speed of generation {by}: {steps}{unknown}"
