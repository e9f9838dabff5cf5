"""What senders write where they have no number: it is well-formed at times, and names nothing.

Gathered from feeds. Two releases with such a "barcode" are two releases.
"""

import re

RULE = "it is a placeholder, no number"
_WORDS = frozenset(
    {
        *("DUMMY", "EMPTY", "MISSING", "NA", "NAN", "NIL", "NOEAN", "NOGRID", "NOICPN", "NOID"),
        *("NOISRC", "NONE", "NOTAPPLICABLE", "NOTASSIGNED", "NOTAVAILABLE", "NOUPC", "NULL"),
        *("PENDING", "PLACEHOLDER", "TBA", "TBC", "TBD", "TODO", "UNASSIGNED", "UNDEFINED"),
        "UNKNOWN",
    }
)
_SEQUENCES = frozenset(
    {"12345678", "123456789012", "12345678905", "1234567890128", "1234567890123"}
)
_ONE_DIGIT = re.compile(r"(\d)\1{7,}", re.ASCII)
_ZEROS = re.compile(r"(?:[A-Z]{1,7}|PADPIDA)?0+", re.ASCII)


def is_placeholder(raw: str, *, is_free: bool) -> bool:
    """Whether a value stands for none. Of free text (`is_free`) only words and zeros do."""
    compact = "".join(filter(str.isalnum, raw)).upper()
    if not compact or compact in _WORDS or not compact.strip("0"):
        return True
    if is_free:
        return False
    number = compact.lstrip("0")
    return (
        _ZEROS.fullmatch(compact) is not None
        or _ONE_DIGIT.fullmatch(number) is not None
        or number in _SEQUENCES
    )
