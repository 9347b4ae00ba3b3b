"""What the commands `serve` and `upload` do: one service put together and run, a file put into one, logs.

The only place for standard output and the process's signals; no rule of VOD and no route may be in it.
"""
