"""What a deal lets be done, by DDEX's allowed values UseType and CommercialModelType.

A use has a side: a download leaves the consumer a copy, every other use is a streaming right; and
it either lets a consumer have the music (it counts as being available), or it doesn't: a rights
claim, use in user-made content, a ringtone, a physical product. What isn't in the tables doesn't
count, since nothing says that it is an offer to a consumer. The whole table is in
docs/reference/availability.md.
"""

DOWNLOADS = (
    "ConditionalDownload",
    "Download",
    "KioskDownload",
    "PermanentDownload",
    "SubscriptionDownload",
    "TetheredDownload",
)
"""Uses that leave a copy."""

STREAMS = (
    "ContentInfluencedStream",
    "NonInteractiveStream",
    "OnDemandStream",
    "Podcast",
    "Rent",
    "Simulcast",
    "Stream",
    "TimeInfluencedStream",
    "Webcast",
)
"""Uses by which a consumer hears or sees it without keeping it."""

OFFERS = (*DOWNLOADS, *STREAMS)
"""Uses that make something available to a consumer."""

NO_OFFERS = ("AsPerContract", "PerformanceRoyaltiesModel", "RightsClaimModel")
"""Commercial models that offer a consumer nothing, whatever the use."""


def is_download(use_type: object) -> bool:
    """Whether a use leaves a copy; unknown ones are told by their name."""
    return isinstance(use_type, str) and use_type.endswith("Download")
