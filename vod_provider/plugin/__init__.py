"""Runs in the plugin process: serves the engine's requests about audios, and talks to the engine.

May use Pulumi's SDK and gRPC. What an audio's life is made of is in `audio`; nothing here sends requests to VOD itself.
"""
