"""What senders deliver (feeds, ERN messages), read and written into the master catalog."""
