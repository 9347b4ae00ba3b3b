"""What VOD does: its rules and errors, the database, the data folder, queues of work, quotas, events, settings.

SQL stays in its `store`; no web framework and no codec may be in it.
"""
