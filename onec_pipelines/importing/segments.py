"""What the files of one list state together: in full, or only what has changed.

A list is full when all its segments are. With «Размер порции» 1C marks only the first one as full, the others as
changes, all with one `ДатаФормирования` and rising numbers: together they are full. Changes that are older than the
newest full file of their list are passed by it, and say nothing of what that does not name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from onec_pipelines.commerceml.export import numbers_of
from onec_pipelines.shown import visible

APART = timedelta(days=1)
"""Two full files of one list further apart are hardly parts of one export."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A file that states a part of a list; `moment` is its `ДатаФормирования` as numbers, none where it has none."""

    file: str
    is_full: bool
    moment: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether the segments of a list state it in full, which of them are outdated, and what a person should know."""

    is_full: bool
    outdated: frozenset[str] = frozenset()
    notices: tuple[str, ...] = ()


def judge(segments: Sequence[Segment]) -> Judgement:
    """What segments state together; they come in the order in which they count."""
    full = [segment for segment in segments if segment.is_full]
    newest = max((segment.moment for segment in full), default=())
    changes = [segment for segment in segments if not segment.is_full]
    outdated = frozenset(segment.file for segment in changes if segment.moment and segment.moment < newest)
    left = [segment for segment in changes if segment.file not in outdated]
    if full and left and not _are_portions(full, left):
        is_full = False
        notices = tuple(_of_portions(full, left))
    else:
        is_full, notices = bool(full), ()
    return Judgement(is_full, outdated if is_full else frozenset(), (*notices, *_of_older(full)))


def _are_portions(full: Sequence[Segment], changes: Sequence[Segment]) -> bool:
    """Whether changes go on where a full file ends: of its moment, with the next numbers."""
    portions = [*full, *changes]
    if len({segment.moment for segment in portions}) != 1 or not full[0].moment:
        return False
    numbers = sorted(numbers_of(segment.file) for segment in portions)
    if numbers[: len(full)] != sorted(numbers_of(segment.file) for segment in full):
        return False
    steps = [[new - old for old, new in zip(*pair, strict=False)] for pair in pairwise(numbers)]
    return len({len(number) for number in numbers}) == 1 and all(max(step) == sum(step) == 1 for step in steps)


def _of_portions(full: Sequence[Segment], changes: Sequence[Segment]) -> Iterator[str]:
    """A sentence where it looks as if the files were portions of one full export."""
    if {segment.moment for segment in full} & {segment.moment for segment in changes}:
        yield (
            f"Файл {visible(full[0].file)} — полная выгрузка, а рядом с ним изменения (файлов: {len(changes)}, "
            f"например {visible(changes[0].file)}). Порциями одной полной выгрузки они не считаются: "
            + ("между их номерами есть пропуск" if full[0].moment else "в них нет ДатаФормирования")
            + ". Поэтому ничего не убрано."
        )


def _of_older(full: Sequence[Segment]) -> Iterator[str]:
    dated = [segment for segment in full if segment.moment]
    if not dated:
        return
    newest = max(dated, key=lambda segment: segment.moment)
    older = [segment for segment in dated if _time(newest) - _time(segment) > APART]
    if older:
        yield (
            f"Полная выгрузка {visible(older[0].file)} старше другой полной, {visible(newest.file)}, больше чем на "
            "день: то, что есть только в ней, остаётся. Если она осталась от прежней выгрузки, удалите её."
        )


def _time(segment: Segment) -> datetime:
    try:
        return datetime(*segment.moment)  # type: ignore[arg-type] # noqa: DTZ001 - local time of 1C
    except ValueError:
        return datetime.min  # noqa: DTZ901 - a date that does not exist
