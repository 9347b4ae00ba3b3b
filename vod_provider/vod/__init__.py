"""The VOD service of the cloud, as a client sees it."""
