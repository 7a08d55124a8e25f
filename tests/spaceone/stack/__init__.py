"""Starts, bootstraps and stops the real SpaceONE servers. Standard library only."""
