"""What the catalog is and what can happen to it: identifiers, changes, events, translation. Pure."""
