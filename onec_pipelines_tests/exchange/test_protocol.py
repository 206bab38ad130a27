"""The machine: a request and a session in, an answer or an effect out, to the byte."""

from datetime import UTC, datetime

import pytest

from onec_pipelines.exchange import words
from onec_pipelines.exchange.protocol import (
    SUCCESS,
    Answer,
    Begin,
    Finish,
    Import,
    Limits,
    LogIn,
    Receive,
    Request,
    Session,
    State,
    decide,
    standing,
    welcome,
)

SESSION = Session("1c", "abc")
LIMITS = Limits(chunk=1000, session=2 * 2**30)
FILE = {"type": "catalog", "mode": "file"}


def asked(**stated) -> Request:
    return Request(**{"type": "catalog", "user": "1c", **stated})


def told(request: Request, session: Session | None = SESSION) -> str:
    """The text of an answer that is a failure."""
    answer = decide(request, session, LIMITS)
    assert isinstance(answer, Answer)
    word, said = answer.text.split("\n")
    assert word == "failure"
    return said


@pytest.mark.parametrize(
    ("request_", "effect"),
    [
        (asked(mode="checkauth"), LogIn()),
        (asked(type="sale", mode="checkauth"), LogIn(ends_full=True)),
        (asked(mode="file", filename="import0_1.xml"), Receive("import0_1.xml", is_kept=True)),
        (asked(mode="file", filename="manual.pdf"), Receive("manual.pdf", is_kept=False)),
        (
            asked(mode="file", filename="import_files/ab/photo.front"),
            Receive("import_files/ab/photo.front", is_kept=True),
        ),
        (asked(mode="import", filename="import0_1.xml"), Import("import0_1.xml")),
        (asked(mode="complete"), Finish()),
        (asked(mode="deactivate", sessid="abc"), Finish()),
    ],
)
def test_a_request_has_its_effect(request_, effect):
    assert decide(request_, SESSION, LIMITS) == effect


def test_init_is_exactly_two_lines_without_a_newline_at_the_end():
    assert decide(asked(mode="init"), SESSION, LIMITS) == Begin(Answer("zip=yes\nfile_limit=1000"))


def test_init_is_four_lines_for_who_states_a_version():
    answer = Answer("zip=yes\nfile_limit=1000\nsessid=abc\nversion=3.1")
    assert decide(asked(mode="init", version="3.1"), SESSION, LIMITS) == Begin(answer)


def test_without_archives_init_says_so():
    assert decide(asked(mode="init"), SESSION, Limits(5, 5, is_zip=False)) == Begin(Answer("zip=no\nfile_limit=5"))


def test_the_welcome_is_five_lines_of_which_the_last_two_go_into_urls():
    at = datetime(2026, 11, 20, 10, tzinfo=UTC)
    text = "success\nonec_exchange\ntoken\nsessid=abc\ntimestamp=1795168800"
    assert welcome("token", "abc", at) == Answer(text)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (asked(mode="checkauth", is_secure=False), words.ONLY_HTTPS),
        (asked(mode="file", filename="a.xml", is_secure=False), words.ONLY_HTTPS),
        (asked(), "Неизвестная команда: type=catalog, mode=."),
        (asked(mode="query"), "Неизвестная команда: type=catalog, mode=query."),
        (asked(type="", mode="init"), "Неизвестная команда: type=, mode=init."),
        (asked(type="crm", mode="init"), "Обмен type=crm этим сайтом не поддерживается."),
        (asked(type="listen", mode="checkauth"), "Обмен type=listen этим сайтом не поддерживается."),
        (asked(mode="init", sessid="other"), words.OTHER_SESSION),
        (asked(mode="init", user="somebody"), words.NO_SESSION),
        (asked(type="sale", mode="file"), words.NO_ORDERS),
        (asked(mode="file", filename="a/../../x.xml"), "Недопустимое имя файла: a/../../x.xml."),
        (asked(mode="file"), "Недопустимое имя файла: ."),
        (asked(mode="file", filename="shell.php"), "Файлы такого вида не принимаются: shell.php."),
        (asked(mode="file", filename="a.xml", length=1001), "Часть файла больше разрешённого (file_limit=1000)."),
    ],
)
def test_a_request_is_refused_in_words(request_, said):
    assert told(request_) == said


@pytest.mark.parametrize("mode", ["init", "file", "import", "complete", "deactivate", "what"])
def test_without_a_session_there_is_nothing_but_a_login(mode):
    assert told(asked(mode=mode, filename="a.xml"), None) == words.NO_SESSION


def test_a_session_takes_no_more_than_it_may():
    full = Session("1c", "abc", received=2 * 2**30 - 10)
    assert isinstance(decide(asked(mode="file", filename="a.xml", length=10), full, LIMITS), Receive)
    refused = told(asked(mode="file", filename="a.xml", length=11), full)
    assert refused == "Выгрузка больше разрешённого (2 ГБ). Обратитесь к администратору сайта."


@pytest.mark.parametrize("mode", ["file", "import", "complete", "deactivate"])
def test_after_a_failure_the_session_says_the_same_again(mode):
    assert told(asked(mode=mode, filename="a.xml"), Session("1c", "abc", "Архив повреждён.")) == "Архив повреждён."


def test_a_refused_name_fails_the_session_and_a_wrong_command_does_not():
    assert decide(asked(mode="file", filename=".."), SESSION, LIMITS).fails
    assert not decide(asked(mode="what"), SESSION, LIMITS).fails


def test_a_name_in_an_answer_is_escaped_and_cut():
    said = told(asked(mode="file", filename="a\n" + "x" * 600))
    assert said.startswith(r"Недопустимое имя файла: a\nxxx")
    assert len(said) < 160


@pytest.mark.parametrize(
    ("mode", "text"),
    [
        ("query", '<?xml version="1.0" encoding="UTF-8"?>\n<КоммерческаяИнформация ВерсияСхемы="2.08"/>'),
        ("info", '<?xml version="1.0" encoding="UTF-8"?>\n<Справочник/>'),
        ("success", "success"),
        ("init", "zip=yes\nfile_limit=1000"),
    ],
)
def test_who_exchanges_orders_gets_none_and_no_error(mode, text):
    assert decide(asked(type="sale", mode=mode), SESSION, LIMITS) == Answer(text)


@pytest.mark.parametrize(
    ("state", "said", "text"),
    [
        (State.PROVING, "", "progress\nВыгрузка принята и проверяется."),
        (State.WAITING, "", "progress\nВыгрузка принята и ждёт загрузки."),
        (State.RUNNING, "Загружается: 120 из 800.", "progress\nЗагружается: 120 из 800."),
        (State.FAILED, "Каталог пуст. Запуск 1a2b3c4d.", "failure\nКаталог пуст. Запуск 1a2b3c4d."),
    ],
)
def test_an_import_is_answered_by_how_its_package_stands(state, said, text):
    assert standing(state, said).text == text


@pytest.mark.parametrize("state", [State.LANDED, State.DURABLE])
def test_success_is_one_word_and_nothing_else(state):
    assert standing(state, "120/800") == SUCCESS == Answer("success")


def test_who_has_waited_for_too_long_is_told_that_nothing_is_lost():
    text = standing(State.WAITING, has_waited=True, minutes=30).text
    assert text.startswith("failure\nВыгрузка принята и сохранена, но за 30 мин не загружена.")
