"""A registry in a dictionary: ids for the checked-in contracts, and for whatever a test adds."""

from adapters.event_log.avro.wire import NotRegistered, UnknownSchemaId
from domain.schemas import contracts


class DictionaryRegistry:
    """Implements SchemaIds and SchemaTexts."""

    def __init__(self) -> None:
        self.texts: dict[int, str] = {}
        self.lookups = 0
        for contract in contracts():
            for version in contract.versions:
                self.add(version.text)

    def add(self, text: str) -> int:
        number = len(self.texts) + 100
        self.texts[number] = text
        return number

    def schema_id(self, subject: str, text: str) -> int:
        self.lookups += 1
        for number, known in self.texts.items():
            if known == text:
                return number
        raise NotRegistered(subject)

    def schema_text(self, schema_id: int) -> str:
        self.lookups += 1
        if schema_id not in self.texts:
            raise UnknownSchemaId(f"no schema has id {schema_id}")
        return self.texts[schema_id]
