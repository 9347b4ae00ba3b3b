"""`rehearse`: settles against the real service what no public source says of it, and removes all that it made.

Uses the API of VOD, through the transport. Nothing in here may import the local VOD, which plays the cloud in tests.
"""
