"""What a case comes to: figures with goals, floors and peers beside them."""

from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Figure:
    """One measured number, or the reason why there is none."""

    case: str
    name: str
    unit: str
    value: float | None
    goal: float | None = None
    lower_is_better: bool = False
    seconds: float | None = None
    """Wall time of what was measured."""
    peak_mb: float | None = None
    """Largest resident memory of the process that did it."""
    size: int | None = None
    """Records handled."""
    note: str = ""
    timeline: list[tuple[float, int]] = field(default_factory=list)
    """Seconds since the start, records done by then."""
    memory: list[tuple[float, float]] = field(default_factory=list)
    """Seconds since the start, MB that were resident then."""

    @property
    def reached(self) -> bool | None:
        """Whether the goal is met; None where there is no goal or no number."""
        if self.goal is None or self.value is None:
            return None
        return self.value <= self.goal if self.lower_is_better else self.value >= self.goal

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self) | {"reached": self.reached}


def absent(case: str, name: str, unit: str, why: str) -> Figure:
    """A figure that could not be had."""
    return Figure(case, name, unit, None, note=why)
