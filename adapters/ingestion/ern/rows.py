"""The rows that a message makes, gathered by table."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from lxml.etree import _Element as Element

from domain.identifiers import Identifier, identify, is_placeholder

Row = dict[str, object]

_SCHEMES = {
    "ISRC": "isrc",
    "ICPN": "gtin",
    "UPC": "gtin",
    "EAN": "gtin",
    "GRid": "grid",
    "ISWC": "iswc",
    "ISNI": "isni",
    "DPID": "dpid",
    "CatalogNumber": "catalog-number",
    "ProprietaryId": "proprietary",
}


class Rows:
    """Table → its rows by id; a row said twice is kept once, as it was said last.

    Where rows are many times more than what they are made of (a deal for a territory, which stands
    for two thousand tracks), they are made anew whenever they are asked for, and not kept.
    """

    def __init__(self) -> None:
        self._tables: defaultdict[str, dict[str, Row]] = defaultdict(dict)
        self._made: defaultdict[str, list[Callable[[], Iterable[Row]]]] = defaultdict(list)

    def add(self, table: str, id: str, **state: object) -> None:
        """Add a row."""
        self._tables[table][id] = {"id": id, **state}

    def put(self, table: str, row: Row) -> None:
        """Add a whole row, which has its id."""
        self._tables[table][str(row["id"])] = row

    def make(self, table: str, rows: Callable[[], Iterable[Row]]) -> None:
        """Add rows that are made when they are asked for; each has an id that no other has."""
        self._made[table].append(rows)

    def ids(self, table: str) -> list[str]:
        """Ids of a table's rows, but for those that are made when asked for."""
        return list(self._tables[table])

    def get(self, table: str, id: str) -> Row:
        """A row that is there."""
        return self._tables[table][id]

    def of(self, table: str) -> list[Row]:
        """A table's rows, all at once."""
        return list(self.each(table))

    def each(self, table: str) -> Iterator[Row]:
        """A table's rows, one after another."""
        yield from list(self._tables[table].values())
        for made in self._made[table]:
            yield from made()

    def __iter__(self) -> Iterator[str]:
        """The tables that have rows, or rows that are made when asked for."""
        said = [table for table, rows in self._tables.items() if rows]
        return iter(dict.fromkeys([*said, *(table for table, made in self._made.items() if made)]))

    def without(self, is_gone: Callable[[str, Row], bool]) -> "Rows":
        """The same without the rows of which `is_gone`, given their table, says so."""
        kept = Rows()
        for table, rows in self._tables.items():
            kept._tables[table] = {i: row for i, row in rows.items() if not is_gone(table, row)}
        for table, made in self._made.items():
            for rows_made in made:
                kept.make(table, _staying(table, rows_made, is_gone))
        return kept

    def add_identifiers(self, owner_type: str, owner: str, found: Iterable[Identifier]) -> None:
        """Add identifier rows, numbered within each scheme: `release/…/gtin/1`."""
        numbers: defaultdict[str, int] = defaultdict(int)
        for identifier in found:
            numbers[identifier.scheme] += 1
            number = numbers[identifier.scheme]
            self.add(
                "identifier",
                f"{owner_type}/{owner}/{identifier.scheme}/{number}",
                owner_type=owner_type,
                owner_id=owner,
                scheme=identifier.scheme,
                namespace=identifier.namespace,
                value_raw=identifier.raw,
                value=identifier.value,
                is_valid=identifier.is_valid,
                flaw=identifier.validation_error,
            )

    def add_validation_error(
        self, owner_type: str, owner: str, field: str, value: str | None, rule: str
    ) -> None:
        """Add a row of table `flaw`: a value that could not be read, and why."""
        self.add(
            "flaw",
            f"{owner_type}/{owner}/{field}",
            owner_type=owner_type,
            owner_id=owner,
            field=field,
            value_raw=value,
            rule=rule,
        )


def _staying(
    table: str, made: Callable[[], Iterable[Row]], is_gone: Callable[[str, Row], bool]
) -> Callable[[], Iterable[Row]]:
    return lambda: (row for row in made() if not is_gone(table, row))


def identifiers(holders: Iterable[Element]) -> list[Identifier]:
    """All numbers in elements such as ReleaseId or SoundRecordingId, in order, each once.

    Kinds that the catalog has no scheme for are proprietary ids with their element's name as
    namespace. Empty ones are no numbers.
    """
    found: dict[tuple[str, str, str | None], Identifier] = {}
    for holder in holders:
        for element in holder:
            raw = (element.text or "").strip()
            if not raw or not isinstance(element.tag, str):
                continue
            scheme = _SCHEMES.get(element.tag, "proprietary")
            namespace = element.get("Namespace")
            if element.tag not in _SCHEMES:
                namespace = namespace or element.tag
            identifier = identify(scheme, raw, namespace)
            found.setdefault((scheme, identifier.value, namespace), identifier)
    return list(found.values())


def identifies(number: Identifier) -> bool:
    """Whether a number can tell who or what something is.

    Not what breaks its scheme's rules, a placeholder above all. Of a DPID the form is enough: wrong
    check characters are common among senders, who have no other number.
    """
    well_formed = number.scheme == "dpid" and number.value.startswith("PADPIDA")
    return number.is_valid or (well_formed and not is_placeholder(number))


def as_part(value: str) -> str:
    """A number as a part of an id; `/` divides the parts."""
    return value.replace("%", "%25").replace("/", "%2F")
