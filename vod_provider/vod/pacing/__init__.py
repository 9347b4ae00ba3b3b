"""When requests leave: quotas, ids that travel in tens, and one poller for everybody who waits.

Sends nothing itself: each gets the client's call as an argument.
"""
