"""XML from strangers, parsed so that it can do no harm, and stripped of its namespaces.

Namespaces in the wild are odd (`…/37D2`) and lie about the version, so elements are known by their
local names alone.
"""

from lxml import etree


class Unusable(Exception):
    """What was sent is no message that can be taken in; the text says why."""


def parse(content: bytes, most_bytes: int) -> etree._Element:
    """The root element; local names only, no comments, no processing instructions.

    Entities are never resolved, nothing is fetched, and a document that declares any (it has a
    DOCTYPE) is refused: no ERN message needs one. Raises Unusable.
    """
    if len(content) > most_bytes:
        raise Unusable(f"{len(content)} bytes; the limit is {most_bytes} (--max-message-bytes)")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content, parser)
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
