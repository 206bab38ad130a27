from pathlib import Path

import pytest

from onec_pipelines.errors import SettingsError
from onec_pipelines.settings import OURS, PROJECT_ROOT, Settings, project_root


def refusal(**environ: str) -> str:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(environ)
    return str(caught.value)


def test_an_empty_environment_gives_the_documented_defaults():
    assert Settings.from_environment({}) == Settings(
        data_dir=PROJECT_ROOT / "data/import_1c",
        database_url=None,
        media_url=str(PROJECT_ROOT / ".onec/media"),
        home=PROJECT_ROOT / ".onec",
        timezone="Europe/Moscow",
        nightly_cron="0 2 * * *",
        max_deactivation=0.3,
        media_keep_days=7,
    )


def test_a_variable_set_to_nothing_counts_as_unset():
    names = ("DATA_DIR", "DATABASE_URL", "MEDIA_URL", "HOME", "TIMEZONE", "NIGHTLY_CRON", "MAX_DEACTIVATION")
    assert Settings.from_environment({f"ONEC_{name}": "  " for name in names}) == Settings.from_environment({})


def test_the_environment_of_the_process_is_read_when_none_is_given(monkeypatch):
    monkeypatch.setenv("ONEC_TIMEZONE", "Asia/Omsk")
    assert Settings.from_environment().timezone == "Asia/Omsk"


def test_a_relative_path_starts_at_the_project_root_wherever_we_stand(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    settings = Settings.from_environment({"ONEC_DATA_DIR": "exports", "ONEC_HOME": "state", "ONEC_MEDIA_URL": "images"})
    assert settings.data_dir == PROJECT_ROOT / "exports"
    assert settings.home == PROJECT_ROOT / "state"
    assert settings.media_url == str(PROJECT_ROOT / "images")


def test_in_a_checkout_relative_paths_start_at_its_root(tmp_path):
    (tmp_path / "pyproject.toml").write_text(f"[project]\n{OURS}\n")
    assert project_root(tmp_path / "onec_pipelines", Path("/somewhere")) == tmp_path


def test_of_an_installed_package_they_start_where_the_person_stands(tmp_path):
    assert project_root(tmp_path / "onec_pipelines", Path("/somewhere")) == Path("/somewhere")


def test_a_pyproject_that_another_package_left_in_site_packages_makes_no_checkout(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "another"\n')
    assert project_root(tmp_path / "onec_pipelines", Path("/somewhere")) == Path("/somewhere")


def test_an_absolute_path_and_a_tilde_stay_what_they_are():
    settings = Settings.from_environment({"ONEC_DATA_DIR": "/srv/1c", "ONEC_HOME": "~/onec"})
    assert settings.data_dir == Path("/srv/1c")
    assert settings.home == Path.home() / "onec"


def test_media_is_below_home_unless_it_is_set():
    assert Settings.from_environment({"ONEC_HOME": "/srv/onec"}).media_url == "/srv/onec/media"


def test_a_media_url_is_left_to_fsspec():
    assert Settings.from_environment({"ONEC_MEDIA_URL": "s3://bucket/prefix"}).media_url == "s3://bucket/prefix"


@pytest.mark.parametrize("url", ["postgresql://u:p@h:5432/db", "postgres://h/db"])
def test_both_schemes_of_postgresql_are_taken(url):
    assert Settings.from_environment({"ONEC_DATABASE_URL": f" {url} "}).database_url == url


@pytest.mark.parametrize("url", ["mysql://u:hunter2@h/db", "u:hunter2@h/db", "host=h password=hunter2"])
def test_another_database_url_is_refused_without_repeating_its_password(url):
    said = refusal(ONEC_DATABASE_URL=url)
    assert said.startswith("ONEC_DATABASE_URL is not a PostgreSQL URL")
    assert "hunter2" not in said


@pytest.mark.parametrize("name", ["Moscow", "Europe/Nowhere", "../etc/passwd", "/etc/localtime"])
def test_an_unknown_time_zone_is_named(name):
    assert refusal(ONEC_TIMEZONE=name).startswith(f"ONEC_TIMEZONE names no time zone: {name!r}")


@pytest.mark.parametrize("cron", ["nightly", "0 2 * *", "0 2 * * * *"])
def test_a_cron_expression_without_five_fields_is_named(cron):
    assert refusal(ONEC_NIGHTLY_CRON=cron).startswith(
        f"ONEC_NIGHTLY_CRON is not a cron expression of five fields: {cron!r}"
    )


@pytest.mark.parametrize(("text", "share"), [("0", 0.0), ("1", 1.0), ("0.05", 0.05), ("30%", 0.3), ("100%", 1.0)])
def test_a_share_is_a_fraction_or_a_percentage(text, share):
    assert Settings.from_environment({"ONEC_MAX_DEACTIVATION": text}).max_deactivation == share


@pytest.mark.parametrize("text", ["30", "-0.1", "101%", "much", "nan"])
def test_a_share_outside_0_to_1_is_named(text):
    assert refusal(ONEC_MAX_DEACTIVATION=text).startswith(
        f"ONEC_MAX_DEACTIVATION is not a share between 0 and 1 (or 0% and 100%): {text!r}"
    )


@pytest.mark.parametrize(("text", "days"), [("0", 0), ("7", 7), ("3650", 3650)])
def test_a_number_of_days_is_a_whole_one(text, days):
    assert Settings.from_environment({"ONEC_PENDING_DAYS": text}).pending_days == days


@pytest.mark.parametrize("text", ["-1", "3651", "1.5", "7d", "a week", "99999999999", "٧"])
def test_a_wrong_number_of_days_is_named(text):
    assert refusal(ONEC_PENDING_DAYS=text).startswith(
        f"ONEC_PENDING_DAYS is not a whole number of days between 0 and 3650: {text!r}"
    )


@pytest.mark.parametrize(("text", "workers"), [("1", 1), ("2", 2), ("999", 999), ("", 1)])
def test_a_number_of_workers_is_a_whole_one(text, workers):
    assert Settings.from_environment({"ONEC_WORKERS": text}).workers == workers


@pytest.mark.parametrize("text", ["0", "-1", "1000", "1.5", "two", "٢"])
def test_a_wrong_number_of_workers_is_named(text):
    assert refusal(ONEC_WORKERS=text).startswith(
        f"ONEC_WORKERS is not a whole number from 1 to 999: {text!r}; for example 2."
    )


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("", ()),
        ("tgram://token/chat", ("tgram://token/chat",)),
        ("tgram://token/chat,json://h/", ("tgram://token/chat", "json://h/")),
        ("tgram://token/chat , json://h/\n slack://a/b/c;", ("tgram://token/chat", "json://h/", "slack://a/b/c")),
        ("mailto://u:p@h?to=a@x,b@y,json://h/", ("mailto://u:p@h?to=a@x,b@y", "json://h/")),
    ],
)
def test_receivers_of_alerts_stand_between_commas_or_spaces(text, urls):
    assert Settings.from_environment({"ONEC_ALERT_URLS": text}).alert_urls == urls


@pytest.mark.parametrize("text", ["hunter2", "json://h/ hunter2", "tgram://", "json://h/,tgram://bot hunter2"])
def test_a_wrong_receiver_is_told_by_its_number_and_not_repeated(text):
    said = refusal(ONEC_ALERT_URLS=text)
    assert said.startswith("ONEC_ALERT_URLS: number ")
    assert "hunter2" not in said


@pytest.mark.parametrize("url", ["http://127.0.0.1:3000", "https://dagster.example.com", "https://example.com/dagster"])
def test_the_address_of_the_ui_may_end_with_a_slash_or_not(url):
    settings = [Settings.from_environment({"ONEC_UI_URL": text}) for text in (url, f"{url}/")]
    assert [one.ui_url for one in settings] == [url, url]


@pytest.mark.parametrize(
    "url",
    [
        *(
            "dagster:3000",
            "ftp://h",
            "https://",
            "https://u:hunter2@h",
            "https://h/a b",
            "https://h?a=b",
            "https://h/#a",
        ),
        *("https://h:port", "https://h:0", "https://h:65536", "https://[::1", "https://a..b"),
    ],
)
def test_a_wrong_address_of_the_ui_is_refused_and_not_repeated(url):
    said = refusal(ONEC_UI_URL=url)
    assert said.startswith("ONEC_UI_URL is not the address of Dagster's UI")
    assert "hunter2" not in said


def test_settings_can_be_shown_without_a_password():
    secrets = {"ONEC_DATABASE_URL": "postgresql://u:hunter2@h/db", "ONEC_ALERT_URLS": "tgram://hunter2/1"}
    assert "hunter2" not in repr(Settings.from_environment(secrets))


@pytest.mark.parametrize(("text", "made"), [("", False), ("0", False), ("1", True)])
def test_thumbnails_are_part_of_a_full_refresh_only_when_they_are_switched_on(text, made):
    assert Settings.from_environment({"ONEC_THUMBNAILS": text}).thumbnails is made


def test_a_switch_is_on_or_off():
    assert refusal(ONEC_THUMBNAILS="yes") == "ONEC_THUMBNAILS is neither 0 (off) nor 1 (on): 'yes'; for example 1."


@pytest.mark.parametrize("executor", ["", "in_process", "multiprocess"])
def test_steps_are_executed_in_the_process_of_the_run_unless_the_setting_says_otherwise(executor):
    assert Settings.from_environment({"ONEC_EXECUTOR": executor}).executor == (executor or "in_process")


def test_an_executor_that_is_none_is_named():
    assert refusal(ONEC_EXECUTOR="dask") == (
        "ONEC_EXECUTOR is none of in_process, multiprocess, celery: 'dask'; for example in_process."
    )


@pytest.mark.parametrize("broker", ["", "broker.example.com:6379"])
def test_celery_needs_the_address_of_a_broker(broker):
    said = refusal(ONEC_EXECUTOR="celery", ONEC_CELERY_BROKER=broker)
    assert said.startswith("ONEC_EXECUTOR is celery, and ONEC_CELERY_BROKER is not the address of a broker")


def test_the_password_of_the_broker_is_not_shown():
    settings = Settings.from_environment(
        {"ONEC_EXECUTOR": "celery", "ONEC_CELERY_BROKER": "redis://:secret-word@127.0.0.1/0"}
    )
    assert "secret-word" not in repr(settings)
    assert settings.celery_lost_after == 900


@pytest.mark.parametrize("text", ["0", "-1", "ten", "1e3", "10000000"])
def test_seconds_that_are_none_are_named(text):
    assert refusal(ONEC_CELERY_LOST_AFTER=text).startswith("ONEC_CELERY_LOST_AFTER is not a whole number of seconds")


@pytest.mark.parametrize(("text", "region"), [("BY", "BY"), ("kz", "KZ"), ("", "RU")])
def test_a_region_of_phones_is_the_code_of_a_country(text, region):
    assert Settings.from_environment({"ONEC_PHONE_REGION": text}).phone_region == region


@pytest.mark.parametrize("text", ["Россия", "RUS", "XX", "7"])
def test_a_wrong_region_of_phones_is_named(text):
    assert refusal(ONEC_PHONE_REGION=text).startswith(
        f"ONEC_PHONE_REGION is no code of a country in two letters: {text!r}"
    )


# --- the exchange


def test_the_exchange_is_off_until_there_are_a_user_and_a_hash():
    assert not Settings.from_environment({}).exchange.is_on
    assert not Settings.from_environment({"ONEC_EXCHANGE_USER": "1c"}).exchange.is_on
    assert Settings.from_environment({"ONEC_EXCHANGE_USER": "1c", "ONEC_EXCHANGE_PASSWORD_HASH": "h"}).exchange.is_on


def test_where_1c_pushes_and_no_directory_is_named_the_last_package_is_the_export():
    on = {"ONEC_HOME": "/srv/onec", "ONEC_EXCHANGE_USER": "1c", "ONEC_EXCHANGE_PASSWORD_HASH": "h"}
    assert Settings.from_environment(on).data_dir == Path("/srv/onec/exchange/current")
    assert Settings.from_environment(on).is_fed_by_exchange
    assert Settings.from_environment({**on, "ONEC_DATA_DIR": "/srv/1c"}).data_dir == Path("/srv/1c")
    assert not Settings.from_environment({**on, "ONEC_DATA_DIR": "/srv/1c"}).is_fed_by_exchange


def test_the_hash_is_not_shown():
    assert "hunter2" not in repr(Settings.from_environment({"ONEC_EXCHANGE_PASSWORD_HASH": "hunter2"}))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ONEC_EXCHANGE_PORT", "0"),
        ("ONEC_EXCHANGE_PORT", "70000"),
        ("ONEC_EXCHANGE_CHUNK", "10M"),
        ("ONEC_EXCHANGE_CHUNK", "1"),
        ("ONEC_EXCHANGE_MAX_BYTES", "-1"),
        ("ONEC_EXCHANGE_QUIET", "1"),
        ("ONEC_EXCHANGE_SETTLE", "soon"),
        ("ONEC_EXCHANGE_WAIT", "0"),
        ("ONEC_EXCHANGE_KEEP", "week"),
        ("ONEC_EXCHANGE_ZIP", "yes"),
        ("ONEC_EXCHANGE_CHARSET", "koi8-r"),
        ("ONEC_EXCHANGE_ALLOW_HTTP", "yes"),
    ],
)
def test_a_wrong_setting_of_the_exchange_is_named(name, text):
    said = refusal(**{name: text})
    assert said.startswith(name)
    assert repr(text) in said
