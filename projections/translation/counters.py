"""What a translator has done: counted by it, read by anybody."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class TranslationCounters:
    """Since the process started."""

    records: int = 0
    events: int = 0
    duplicates: int = 0
    """Changes that capture sent again."""
    parked: int = 0
    transactions: int = 0
    aborted: int = 0
    rejoined: int = 0
    """How often membership and writer were opened anew."""
    seconds: float = 0.0
    """Spent on committed transactions."""
    commit_seconds: float = 0.0
    """Of those, in the commit, which flushes what was written."""
    stopped_topics: set[str] = field(default_factory=set)
    """Topics that are read no more."""

    def add(self, done: "TranslationCounters") -> None:
        """Count what one committed transaction did."""
        self.records += done.records
        self.events += done.events
        self.duplicates += done.duplicates
        self.parked += done.parked
        self.transactions += 1
        self.seconds += done.seconds
        self.commit_seconds += done.commit_seconds
