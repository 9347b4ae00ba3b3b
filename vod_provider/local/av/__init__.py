"""Media files in, audio files and facts out, in processes of their own; FFmpeg and LAME stay here.

Nothing else of the local VOD may be imported from it: it knows files and codecs alone.
"""
