"""XML from strangers, parsed so that it can do no harm, and stripped of its namespaces.

Namespaces in the wild are odd (`…/37D2`) and lie about the version, so elements are known by their
local names alone.
"""

from lxml import etree

from domain.failures import Unusable

MOST_NODES = 1_000_000
"""Elements and attributes that a message may have. The greatest deliveries have some 100,000; each
takes 150 to 200 bytes of memory however few it takes of the file, so bytes alone bound nothing."""

MOST_BYTES_OF_ONE = 1 << 21
"""Bytes without the start of an element: one tag of a million attributes takes 1 GB to read."""

_FED_AT_ONCE = 1 << 16


def parse(content: bytes, most_bytes: int, most_nodes: int = MOST_NODES) -> etree._Element:
    """The root element; local names only, no comments, no processing instructions.

    Entities are never resolved, nothing is fetched, and a document that declares any (it has a
    DOCTYPE) is refused: no ERN message needs one. Raises Unusable.
    """
    if len(content) > most_bytes:
        raise Unusable(f"{len(content)} bytes; the limit is {most_bytes} (--max-message-bytes)")
    try:
        root = _root(content, most_nodes)
    except etree.XMLSyntaxError as error:  # its text also names a file, which there is none of
        raise Unusable(f"not well-formed XML: {error.msg}") from None
    except ValueError as error:
        raise Unusable(f"not well-formed XML: {error}") from None
    if root.getroottree().docinfo.doctype:
        raise Unusable("it has a DOCTYPE, which no ERN message needs and which can do harm")
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = etree.QName(element).localname
    return root


def _root(content: bytes, most_nodes: int) -> etree._Element:
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
    nodes = last = 0
    for at in range(0, len(content), _FED_AT_ONCE):
        parser.feed(content[at : at + _FED_AT_ONCE])
        for _, element in parser.read_events():
            nodes += 1 + len(element.attrib)
            last = at
        if nodes > most_nodes:
            raise Unusable(f"it has more than {most_nodes} elements and attributes")
        if at - last > MOST_BYTES_OF_ONE:
            raise Unusable(f"one tag or text of it has more than {MOST_BYTES_OF_ONE} bytes")
    return parser.close()
