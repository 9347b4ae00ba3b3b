"""A local VOD service: the API of the cloud, on this machine, with real extraction."""
