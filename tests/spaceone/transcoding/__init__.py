"""JSON over HTTP in front of the SpaceONE gRPC servers, driven by the servers' own descriptors."""
