"""Serves the SpaceONE gRPC servers as JSON over HTTP, by the servers' descriptors."""
