"""ExtractedAudio for Pulumi: the audio track of a Huawei Cloud VOD video, declared."""
