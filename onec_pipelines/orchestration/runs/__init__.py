"""What a run says of itself: its tags, progress, metadata and failure, and the run history as the list of sessions."""
