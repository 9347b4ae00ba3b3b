"""The bound: so many resources that are nothing."""

import pulumi
from bare import Bare

config = pulumi.Config("bench")
for number in range(config.require_int("count")):
    Bare(f"audio{number}", asset_id=config.require("source"), format="MP3", triggers=[number])
