"""How much of everything a run handles."""

from dataclasses import dataclass, replace

from adapters.synthetic.catalog import SyntheticCatalog, SyntheticTopic

SEED = 11
UPDATES = 0.25
EVENTS_PER_TRACK = 8.22
"""Events of a synthetic catalog for each of its tracks, with these updates."""


@dataclass(frozen=True)
class Scale:
    """Sizes of a run; the full ones are those that docs/explanation/performance.md speaks of."""

    events: int = 1_000_000
    """Track events of the one-topic cases."""
    keys: int = 400_000
    catalog_events: int = 3_000_000
    """Events of the whole catalog, about."""
    changes: int = 400_000
    """Change records for translation."""
    messages: int = 2_000
    """ERN messages for ingestion."""
    rate: float = 500.0
    """Changes per second while latency is measured."""
    latency_seconds: float = 300.0

    def shrunk(self, factor: float) -> "Scale":
        """The same with `factor` times the records, for trying the bench itself."""
        return replace(
            self,
            events=round(self.events * factor),
            keys=round(self.keys * factor),
            catalog_events=round(self.catalog_events * factor),
            changes=round(self.changes * factor),
            messages=round(self.messages * factor),
            latency_seconds=max(5.0, self.latency_seconds * factor),
        )

    @property
    def track_plan(self) -> SyntheticTopic:
        """The events of the one-topic cases."""
        return SyntheticTopic("track", self.events, self.keys, SEED)

    def catalog_plan(self, share: float = 1.0) -> SyntheticCatalog:
        """A catalog of about `share` of the events."""
        return SyntheticCatalog(
            round(self.catalog_events * share / EVENTS_PER_TRACK), SEED, UPDATES
        )
