"""Passwords and cookies."""

import time

import pytest

from onec_pipelines.exchange.passwords import hash_password, is_hash, is_right, new_token, sessid_of, token_hash


def test_a_password_is_right_for_its_own_user_alone():
    known = {"known_user": "1c", "known_hash": hash_password("секрет")}
    assert is_right("1c", "секрет", **known)
    assert not is_right("1c", "other", **known)
    assert not is_right("other", "секрет", **known)


def test_two_hashes_of_a_password_differ_and_hold_nothing_of_it():
    assert hash_password("secret") != hash_password("secret")
    assert "secret" not in hash_password("secret")


def test_a_hash_has_no_character_that_a_shell_or_an_env_file_would_change():
    assert not set(hash_password("x")) & set("$\\'\"# &;`*?")


def test_a_hash_is_told_from_other_texts():
    assert is_hash(hash_password("x"))
    for text in (
        "",
        "secret",
        "scrypt:1:2:3",
        "scrypt:16384:8:1:a:b",
        "scrypt:1048576:8:1:YWFh:YWFh",
        "md5:1:1:1:YQ==:YQ==",
    ):
        assert not is_hash(text)


def test_an_unknown_user_costs_the_same_work():
    known = {"known_user": "1c", "known_hash": hash_password("секрет")}

    def seconds(user: str) -> float:
        started = time.process_time()
        for _ in range(5):
            is_right(user, "wrong", **known)
        return time.process_time() - started

    assert 0.3 < seconds("nobody") / seconds("1c") < 3


def test_a_cookie_has_256_bits_and_goes_into_a_header_as_it_is():
    token = new_token()
    assert len(token) >= 43
    assert token.replace("-", "").replace("_", "").isalnum()
    assert new_token() != token


@pytest.mark.parametrize("derived", [sessid_of, lambda token: token_hash(token).hex()])
def test_what_stands_in_urls_and_tables_tells_nothing_of_the_cookie(derived):
    assert "token" not in derived("token")
    assert sessid_of("token") not in token_hash("token").hex()
