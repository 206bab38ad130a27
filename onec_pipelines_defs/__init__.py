"""The team's own assets, checks, jobs, schedules and sensors: every file here is loaded beside ours.

docs/data-team.md shows how. All but this file is ignored by git, so that a pull of this repository never touches it; a
repository of the team's own may be cloned into a directory below.
"""
