"""The nightly refresh: it asks for a run, or says in the preflight's words why not."""

import dagster as dg
import pytest

from onec_pipelines.orchestration.resources import Onec


def tick(project) -> dg.RunRequest | dg.SkipReason:
    """What the schedule decides now."""
    schedule = project.definitions().resolve_schedule_def("nightly_refresh")
    with dg.build_schedule_context(instance=project.instance, resources={"onec": Onec()}) as context:
        data = schedule.evaluate_tick(context)
    return data.run_requests[0] if data.run_requests else dg.SkipReason(data.skip_message)


def test_an_export_that_can_be_imported_is_requested(project):
    request = tick(project)
    assert isinstance(request, dg.RunRequest)
    assert request.tags["onec/import_type"] == "all"


@pytest.mark.parametrize("optional", ["contragents", "goods/import_files"])
def test_what_a_full_refresh_can_do_without_does_not_stop_it(project, remove, optional):
    remove(optional)
    assert isinstance(tick(project), dg.RunRequest)


def test_a_missing_part_is_a_skip_in_the_words_of_the_preflight(project, remove):
    remove("offers")
    assert tick(project).skip_message == (
        f"Отсутствуют обязательные поддиректории в {project.settings.data_dir}: offers. "
        "Убедитесь, что данные выгружены из 1С в правильной структуре."
    )


def test_a_missing_export_is_a_skip_in_the_words_of_the_preflight(project, monkeypatch, tmp_path):
    monkeypatch.setenv("ONEC_DATA_DIR", str(tmp_path / "absent"))
    assert tick(project).skip_message == (
        f"Директория данных 1С не найдена: {tmp_path / 'absent'}. Убедитесь, что данные выгружены из 1С."
    )


def test_a_name_of_a_directory_that_acts_is_shown_in_a_skip(project, monkeypatch, tmp_path):
    monkeypatch.setenv("ONEC_DATA_DIR", str(tmp_path / "\x1b[2J"))
    assert tick(project).skip_message.startswith(rf"Директория данных 1С не найдена: {tmp_path}/\x1b[2J.")


def test_a_database_that_takes_no_connection_for_a_moment_costs_no_night(project, monkeypatch):
    monkeypatch.setenv("ONEC_DATABASE_URL", "postgresql://u:secret@127.0.0.1:1/db")
    assert isinstance(tick(project), dg.RunRequest)


def test_a_wrong_setting_is_a_skip_in_its_own_sentence(project, monkeypatch):
    monkeypatch.setenv("ONEC_MAX_DEACTIVATION", "much")
    assert tick(project).skip_message.startswith("ONEC_MAX_DEACTIVATION")


def test_a_tick_writes_nothing(project):
    tick(project)
    assert not project.settings.home.exists()
    assert project.instance.get_runs() == []
