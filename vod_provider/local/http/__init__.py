"""VOD's API over HTTP: routes, authentication, reading of requests, shapes of answers, control at /_local.

Starlette and uvicorn stay here; no rule of VOD, no SQL and no FFmpeg may be in it.
"""
