"""What the person in 1C reads after `failure` and `progress`. Names in it are escaped and cut."""

from onec_pipelines.shown import visible

SHOWN_NAME = 120
"""Characters of a name that a sentence repeats."""

NO_HEADER = (
    "Не передан заголовок Authorization. Проверьте имя пользователя и пароль в настройке обмена и прокси-сервер "
    "перед сайтом."
)
WRONG_LOGIN = "Неверное имя пользователя или пароль."
ONLY_HTTPS = "Обмен принимается только по https. Укажите в адресе сайта https://…"
NO_SESSION = "Сеанс обмена не найден или истёк. Начните обмен заново."
OTHER_SESSION = "Идентификатор сессии не совпадает с сеансом. Начните обмен заново."
NO_DATABASE = "База данных сайта недоступна. Данные не загружены; повторите обмен позже."
NO_ORDERS = "Заказы на этом сайте не ведутся. Отключите «Обмен заказами» в настройке обмена."
ABSENT = "Адрес обмена с 1С на этом сервере: /1c_exchange."
BUSY = "Файлы этого сеанса принимает другой запрос. Начните обмен заново."
CUT_OFF = "Файл получен не полностью: соединение прервано. Начните обмен заново."
WAITING = "Выгрузка принята и ждёт загрузки."
PROVING = "Выгрузка принята и проверяется."
BROKEN_OFF = "Обмен прерван до окончания полной выгрузки: загружено то, что пришло, ничего не убрано."


def shown(name: str) -> str:
    """A name as a sentence repeats it."""
    text = visible(name)
    return text if len(text) <= SHOWN_NAME else text[: SHOWN_NAME - 1] + "…"


def too_many_tries(seconds: int) -> str:
    """When somebody may try to log in again."""
    return f"Слишком много неудачных попыток входа. Повторите через {seconds} с."


def unknown_command(type_: str, mode: str) -> str:
    """A request that is none of the protocol's."""
    return f"Неизвестная команда: type={shown(type_)}, mode={shown(mode)}."


def other_type(type_: str) -> str:
    """A type that others serve."""
    return f"Обмен type={shown(type_)} этим сайтом не поддерживается."


def wrong_name(name: str) -> str:
    """A name that is no place below the directory of a session."""
    return f"Недопустимое имя файла: {shown(name)}."


def wrong_kind(name: str) -> str:
    """A program, or something that nobody knows."""
    return f"Файлы такого вида не принимаются: {shown(name)}."


def large_chunk(limit: int) -> str:
    """A body above the limit that `init` has told."""
    return f"Часть файла больше разрешённого (file_limit={limit})."


def large_session(limit: int) -> str:
    """A session above the limit, in bytes."""
    return f"Выгрузка больше разрешённого ({limit / 2**30:.3g} ГБ). Обратитесь к администратору сайта."


def disk_full(name: str) -> str:
    """No room for a file."""
    return f"На сервере не хватает места на диске. Файл {shown(name)} не принят, обмен нужно повторить."


def not_received(name: str) -> str:
    """`mode=import` of a file that has not come."""
    return f"Файл {shown(name)} не был получен в этом сеансе."


def broken_archive(name: str, size: int) -> str:
    """An archive that cannot be read."""
    return f"Архив {shown(name)} повреждён или передан не полностью (получено {size} байт)."


def refused_archive(name: str) -> str:
    """An archive that breaks a rule."""
    return f"Архив {shown(name)} отклонён: недопустимое имя, ссылка, пароль или слишком большой объём."


def nothing_known(name: str) -> str:
    """A file without anything that is imported."""
    return f"В файле {shown(name)} нет товаров, предложений, цен, остатков или контрагентов."


def run_failed(message: str, run_id: str) -> str:
    """Why a package was not imported, and by which run."""
    return f"{message.rstrip()} Запуск {run_id[:8]}." if run_id else message


def going(progress: str) -> str:
    """How far a run is; `progress` is `processed/total`, empty before it counts."""
    processed, _, total = progress.partition("/")
    return f"Загружается: {processed} из {total}." if total else "Загружается."


def not_yet(minutes: int) -> str:
    """A package that nobody has imported within the time for which 1C is kept waiting."""
    return (
        f"Выгрузка принята и сохранена, но за {minutes} мин не загружена. Она будет загружена без повтора обмена; "
        "проверьте, работает ли загрузка на сайте."
    )


def internal(number: str) -> str:
    """A defect of ours; the log has the number."""
    return f"Внутренняя ошибка сервера, номер {number}. Сообщите его администратору сайта."
