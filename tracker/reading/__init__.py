"""The read API: requests → what it is asked of, as JSON."""
