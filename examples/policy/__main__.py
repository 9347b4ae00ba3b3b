"""A policy pack: what every ExtractedAudio of a company has to have, whichever program declares it."""

from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)

TYPES = ("pulumi-python:dynamic/vod:ExtractedAudio", "vod:index:ExtractedAudio")
"""The type in a Python program, and in programs that use the native plugin."""
MINIMUM = 3
"""Characters of a title."""


def has_a_title(args: ResourceValidationArgs, report_violation: ReportViolation) -> None:
    if args.resource_type in TYPES and len(args.props.get("title") or "") < MINIMUM:
        report_violation(f"{args.name}: set a title of at least {MINIMUM} characters", args.urn)


def says_what_it_is_for(args: ResourceValidationArgs, report_violation: ReportViolation) -> None:
    if args.resource_type in TYPES and not args.props.get("tags"):
        report_violation(f"{args.name}: set tags, so that its costs can be assigned", args.urn)


PolicyPack(
    name="audios",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=[
        ResourceValidationPolicy(name="audio-title", description="Every audio has a title.", validate=has_a_title),
        ResourceValidationPolicy(
            name="audio-tags",
            description="Every audio has tags.",
            enforcement_level=EnforcementLevel.ADVISORY,
            validate=says_what_it_is_for,
        ),
    ],
)
