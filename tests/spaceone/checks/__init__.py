"""The requests of the self-check to the real servers, and the expected answers."""
