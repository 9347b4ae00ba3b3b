"""A program without resources: what an engine and a Python program cost by themselves."""

import pulumi

pulumi.Config("bench")
