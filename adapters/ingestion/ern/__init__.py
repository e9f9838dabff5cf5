"""DDEX Electronic Release Notification: messages of any 3.x and 4.x version."""
