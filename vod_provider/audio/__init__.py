"""The life of audios: what may be asked for, and asking, waiting, finding again and removing.

Knows neither Pulumi nor HTTP.
"""
