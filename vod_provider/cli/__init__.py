"""What `python -m vod_provider` does beside a Pulumi program: `orphans` and `doctor`."""
