"""XML from strangers, parsed so that it can do no harm, and stripped of its namespaces.

Namespaces in the wild are odd (`…/37D2`) and lie about the version, so elements are known by their
local names alone.

A great message is great by long lists of the same kind of element. What can be told of such an
element by itself is told while the message is read, and the element is dropped: the tree of XML
that a message takes is then that of the rest.
"""

from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from typing import BinaryIO

from lxml import etree

from domain.failures import Unusable

MOST_NODES = 1_000_000
"""Elements and attributes that a message may hold at once. The greatest deliveries have some
100,000; each takes 150 to 200 bytes of memory however few it takes of the file, so bytes alone
bound nothing."""

MOST_BYTES_OF_ONE = 1 << 21
"""Bytes without the start of an element: one tag of a million attributes takes 1 GB to read."""

_FED_AT_ONCE = 1 << 16

Take = Callable[[etree._Element], int]
"""Is given one element of a list, whole, and keeps what it says; returns what that takes of memory,
in nodes."""


def parse(
    content: bytes | BinaryIO,
    most_bytes: int,
    most_nodes: int = MOST_NODES,
    lists: Mapping[str, Take] | None = None,
) -> etree._Element:
    """The root element; local names only, no comments, no processing instructions.

    `lists` names elements below the root whose children are handed over one by one, in their order,
    and are not part of what is returned.

    Entities are never resolved, nothing is fetched, and a document that declares any (it has a
    DOCTYPE) is refused: no ERN message needs one. Raises Unusable.
    """
    stream = BytesIO(content) if isinstance(content, bytes) else content
    try:
        root = _root(_limited(stream, most_bytes), most_nodes, lists or {})
    except etree.XMLSyntaxError as error:  # its text also names a file, which there is none of
        raise Unusable(f"not well-formed XML: {error.msg}") from None
    except ValueError as error:
        raise Unusable(f"not well-formed XML: {error}") from None
    _localise(root)
    return root


def _limited(stream: BinaryIO, most_bytes: int) -> Iterator[bytes]:
    read = 0
    while piece := stream.read(_FED_AT_ONCE):
        read += len(piece)
        if read > most_bytes:
            raise Unusable(f"too many bytes: the limit is {most_bytes} (--max-message-bytes)")
        yield piece


def _root(pieces: Iterator[bytes], most_nodes: int, lists: Mapping[str, Take]) -> etree._Element:
    """Parse piece by piece, so that what has too many nodes is broken off, not built whole."""
    parser = etree.XMLPullParser(
        events=("start",),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    root: etree._Element | None = None
    held = barren = 0
    for piece in pieces:
        parser.feed(piece)
        barren += len(piece)
        for _, element in parser.read_events():
            if root is None:
                root = element
                _refuse_doctype(root)
            held += 1 + len(element.attrib)
            barren = 0
        if root is not None and lists and len(root):
            held -= _hand_over(root[-1], lists, is_whole=False)
        if held > most_nodes:
            raise Unusable(f"it has more than {most_nodes} elements and attributes")
        if barren > MOST_BYTES_OF_ONE:
            raise Unusable(f"one tag or text of it has more than {MOST_BYTES_OF_ONE} bytes")
    root = parser.close()
    _refuse_doctype(root)
    for section in root if lists else ():
        _hand_over(section, lists, is_whole=True)
    return root


def _hand_over(section: etree._Element, lists: Mapping[str, Take], *, is_whole: bool) -> int:
    """Hand over what is complete of a list, and drop it; returns by how many nodes that is less.

    An element is complete when another follows it, or the list is whole.
    """
    if (
        not isinstance(section.tag, str)
        or (take := lists.get(etree.QName(section).localname)) is None
    ):
        return 0
    freed = 0
    element = section[0] if len(section) else None
    while element is not None and ((following := element.getnext()) is not None or is_whole):
        section.remove(element)
        freed += _localise(element)
        freed -= take(element)
        element = following
    return freed


def _refuse_doctype(root: etree._Element) -> None:
    if root.getroottree().docinfo.doctype:
        raise Unusable("it has a DOCTYPE, which no ERN message needs and which can do harm")


def nodes(root: etree._Element) -> int:
    """How many elements and attributes there are."""
    return sum(1 + len(element.attrib) for element in root.iter())


def _localise(root: etree._Element) -> int:
    """Local names in place of qualified ones; returns how many nodes there are."""
    count = 0
    for element in root.iter():
        count += 1 + len(element.attrib)
        if isinstance(element.tag, str):
            element.tag = etree.QName(element).localname
    return count
