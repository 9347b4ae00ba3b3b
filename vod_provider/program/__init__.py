"""Runs in the user's Pulumi program: resources, components and lookups as a user writes them.

May use Pulumi's SDK. Holds no rule about audios: those are in `audio`, and the calls to VOD in `vod`.
"""
