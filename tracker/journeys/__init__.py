"""Who goes from one step to the next, and who comes back: people are followed through events."""
