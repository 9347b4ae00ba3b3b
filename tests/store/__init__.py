"""The ledger in object storage, against an S3 server in a process of its own."""
