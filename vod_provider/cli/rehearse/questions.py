"""What no public source says for certain, question by question, with what the provider assumes. Pure data.

A question whose name is a dialect of the local VOD has `dialect` set: what is seen is then that dialect's value, so
that `vod-local serve --dialect NAME=VALUE` plays the service as it was found. Sources: docs/cloud.md.
"""

from __future__ import annotations

from dataclasses import dataclass

COPES = "the provider copes; try your program on a local VOD with this dialect"
"""What follows where the provider is tested with every possibility."""


@dataclass(frozen=True)
class Question:
    """One question. `assumed` is the value that the provider takes for the likely one; '' for none.

    `follows` says what a different answer means; it may name {name} and {seen}.
    """

    name: str
    asks: str
    assumed: str
    follows: str = COPES
    dialect: bool = True


QUESTIONS = (
    Question("absence", "What does a query by an unknown id answer?", "NO_ASSET"),
    Question("details_of_absent", "What do the details of an unknown id answer?", "http_404"),
    Question("new_by_id_after_s", "After how many seconds is a new audio shown by its id?", "0"),
    Question("new_in_listings_after_s", "After how many seconds is it shown in listings?", "0"),
    Question("extraction_running", "Which status has an audio that is being extracted?", "CREATING"),
    Question("extraction_done", "Which status has an audio that is extracted?", "CREATED"),
    Question("extraction_failed", "Which status has an audio whose extraction failed?", "SERVER_ERROR"),
    Question("extraction_cancelled", "Which status has an audio whose extraction was cancelled?", "CANCELLED"),
    Question("source_while_extracted", "Which status has the video meanwhile?", "unchanged"),
    Question(
        "cancel_takes",
        "Whose id does a cancellation take?",
        "audio",
        "cancelling by the audio's id does not end its extraction: delete waits until it is done; please report it",
    ),
    Question(
        "default_format",
        "Which format has an audio that was asked for without one?",
        "MP3",
        "nothing: the provider always names the format",
    ),
    Question("audio_id", "What does the id of an audio look like?", "hex"),
    Question(
        "audio_title",
        "What is the title of a new audio?",
        "source",
        "a lost answer is looked for by other facts than the title; please report it",
    ),
    Question("audio_description", "What is the description of a new audio?", "names_source"),
    Question("description_change", "What does a change of its description get?", "refused"),
    Question("audio_facts", "Which facts are told of an audio's file?", "measured"),
    Question("unknown_category", "What does an unknown category get?", "taken"),
    Question("deletion_s", "After how many seconds is a deletion done?", "0.5"),
    Question("deletion_shows", "What is shown of an asset until its deletion is done?", "DELETING"),
    Question("delete_of_absent", "What does deleting an unknown id answer?", "refused_if_none"),
    Question("delete_ids", "How are several ids given to a deletion?", "either"),
    Question("event_body", "What is the body of a callback?", "envelope"),
    Question("event_name", "How is the event of an extraction called?", "audioExtractComplete"),
    Question("event_timestamp", "In which unit is auth_timestamp?", "seconds"),
    Question("gateway_prefix", "How do the codes of the gateway begin?", "APIGW"),
    Question(
        "deleted_id",
        "What does a query by a deleted id answer?",
        "as unknown",
        dialect=False,
        follows="the provider takes DELETED for gone",
    ),
    Question(
        "publishing",
        "What does publishing an audio answer?",
        "PUBLISHED",
        dialect=False,
        follows="`publish=True` may not show at once; please report it",
    ),
    Question(
        "media_type",
        "Is a new audio listed by its media type before it is done?",
        "yes",
        dialect=False,
        follows="`orphans` does not list audios that are still being extracted",
    ),
    Question(
        "denied_code",
        "What is the code of a denied permission?",
        "",
        dialect=False,
        follows="`doctor` takes every code of IAM with 403 for a denial",
    ),
    Question(
        "iam_first",
        "Is the permission checked before the asset is looked up?",
        "yes",
        dialect=False,
        follows="`doctor` cannot tell allowed from denied by an unknown id; please report it",
    ),
)
BY_NAME = {question.name: question for question in QUESTIONS}


@dataclass(frozen=True)
class Finding:
    """The answer to one question: `seen` in the words of the table, '' where it could not be settled.

    `evidence` is what VOD answered, or why the question is still open.
    """

    question: Question
    seen: str
    evidence: str = ""

    @property
    def settled(self) -> bool:
        """Whether there is an answer."""
        return self.seen != ""

    @property
    def as_assumed(self) -> bool:
        """Whether the answer is the one that was assumed; times may be up to a second off."""
        try:
            return abs(float(self.seen) - float(self.question.assumed)) <= 1.0
        except ValueError:
            return self.seen == self.question.assumed

    @property
    def follows(self) -> str:
        """What follows from it."""
        if not self.settled:
            return "still unknown"
        if self.as_assumed:
            return "as assumed"
        return self.question.follows.format(name=self.question.name, seen=self.seen)
