"""The one place that constructs adapters: settings, addresses, topics, wiring, preparation."""
