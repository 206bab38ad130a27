"""Twelve invented contragents: firms of region 00, which does not exist, example.com and telephone numbers +7 000."""

from itertools import pairwise

from onec_pipelines.demo.records import Contragent, guid

SHARED_EMAIL = "office@example.com"
INVALID_EMAIL = "obraztsov-at-example.org"

_WEIGHTS = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)


def company_inn(number: int) -> str:
    """Make a ten-digit ИНН of region 00 with its control digit."""
    return _with_control_digit(f"{number:09d}")


def person_inn(number: int) -> str:
    """Make a twelve-digit ИНН of region 00 with its two control digits."""
    return _with_control_digit(_with_control_digit(f"{number:010d}"))


def is_valid_inn(inn: str) -> bool:
    """Say whether the control digits of an ИНН of ten or twelve digits are right."""
    return inn == (company_inn(int(inn[:9])) if len(inn) == 10 else person_inn(int(inn[:10])))


def _with_control_digit(digits: str) -> str:
    weights = _WEIGHTS[-len(digits) :]
    total = sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))
    return f"{digits}{total % 11 % 10}"


def _wrong(inn: str) -> str:
    following = dict(pairwise("01234567890"))
    return inn[:-1] + following[inn[-1]]


def _phone(number: int) -> tuple[str, str]:
    return ("ТелефонРабочий", f"+7 000 000-00-{number:02d}")


def _email(address: str) -> tuple[str, str]:
    return ("Почта", address)


def _address(number: int) -> str:
    return f"000000, г. Примерск, ул. Образцовая, д. {number}"


def build_contragents() -> tuple[Contragent, ...]:
    """Build legal entities, entrepreneurs and individuals: eleven customers and one who is a supplier only."""
    return (
        Contragent(
            onec_id=guid("contragent 1"), kind="legal_entity", name="Пример-1", full_name="ООО «Пример-1»",
            inn=company_inn(1), kpp="000001001", okpo="00000001", address=_address(1),
            account="40702810000000000001", representative="Примерова Анна (пример)",
            contacts=(_phone(1), ("ТелефонМобильный", "+7 000 000-00-51"), _email("primer-1@example.com"),
                      _email("buh-1@example.com")),
        ),
        Contragent(
            onec_id=guid("contragent 2"), kind="legal_entity", name="Пример-2", full_name="ООО «Пример-2»",
            inn=company_inn(2), kpp="000001001", okpo="00000002", address=_address(2),
            contacts=(_phone(2), _email(SHARED_EMAIL)),
        ),
        Contragent(
            onec_id=guid("contragent 3"), kind="legal_entity", name="Пример-3", full_name="ООО «Пример-3»",
            inn=company_inn(3), address=_address(3), contacts=(_phone(3), _email(SHARED_EMAIL)),
        ),
        Contragent(
            onec_id=guid("contragent 4"), kind="legal_entity", name="Образец-4", full_name="АО «Образец-4»",
            inn=_wrong(company_inn(4)), kpp="000001001", contacts=(_email("obrazets-4@example.org"),),
        ),
        Contragent(
            onec_id=guid("contragent 5"), kind="entrepreneur", name="ИП Примеров П. П.",
            full_name="ИП Примеров Пётр Петрович", inn=person_inn(5), roles=("покупатель",),
            contacts=(_phone(5), _email("ip-5@example.com")), account="40802810000000000005",
        ),
        Contragent(
            onec_id=guid("contragent 6"), kind="entrepreneur", name="ИП Образцова О. О.",
            full_name="ИП Образцова Ольга Олеговна", inn=person_inn(6), address=_address(6),
            contacts=(("Почта", _address(6)), _phone(6), _email("ip-6@example.org")),
        ),
        Contragent(
            onec_id=guid("contragent 7"), kind="individual", name="Тестова Т. Т.",
            full_name="Тестова Татьяна Тимофеевна", contacts=(_phone(7), _email("testova@example.com")),
        ),
        Contragent(
            onec_id=guid("contragent 8"), kind="individual", name="Образцов О. О.",
            full_name="Образцов Олег Олегович", contacts=(_email(INVALID_EMAIL), _phone(8)),
        ),
        Contragent(
            onec_id=guid("contragent 9"), kind="individual", name="Макетова М. М.",
            full_name="Макетова Мария Макаровна", inn=person_inn(9), address=_address(9), contacts=(_phone(9),),
        ),
        Contragent(
            onec_id=guid("contragent 10"), kind="legal_entity", name="Поставка-10", full_name="ООО «Поставка-10»",
            inn=company_inn(10), kpp="000001001", roles=("Поставщик",),
            contacts=(_phone(10), _email("postavka-10@example.com")),
        ),
        Contragent(
            onec_id=guid("contragent 11"), kind="legal_entity", name="Пример-11", full_name="ООО «Пример-11»",
            inn=company_inn(11), kpp="000001001", roles=("Поставщик", "Покупатель"),
            contacts=(_email("primer-11@example.org"),),
        ),
        Contragent(
            onec_id=guid("contragent 12"), kind="legal_entity", name="Пример-12", full_name="ООО «Пример-12»",
            inn=company_inn(12), kpp="000001001", roles=(), contacts=(_phone(12),),
        ),
    )  # fmt: skip
