"""What the self-check asks the real servers, and the answers it holds them to."""
