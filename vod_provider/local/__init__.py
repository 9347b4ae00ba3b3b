"""A local VOD service: the API of the cloud, on this machine, with real extraction.

`cli` puts a service together of `console` (the page), `http` (the API), `core` (VOD's rules, store, work) and `av`
(FFmpeg); imports point in that order. Nothing of the rest of `vod_provider` may be imported from it, nor it from there.
"""
