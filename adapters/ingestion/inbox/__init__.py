"""Inboxes: places where senders put batches, which are taken in once each and acknowledged."""
