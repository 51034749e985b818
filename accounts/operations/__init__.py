"""What is done to logins: names, passwords, sign-ins, and whose panel they are in."""

from accounts.operations.logins import (
    create_admin,
    create_login,
    group_for_new_resellers,
    save_login,
)
from accounts.operations.names import (
    EmailTaken,
    UnusableUsername,
    UsernameTaken,
    check_names_are_free,
    fold_username,
    name_taken,
)
from accounts.operations.passwords import (
    KEPT_FOR,
    REVEALED_WITHOUT_PASSWORD_FOR,
    NoInitialPassword,
    WeakPassword,
    WrongPassword,
    change_own_password,
    check_password,
    confirm_own_password,
    erase_expired_initial_passwords,
    keep_initial_password,
    may_reveal_without_password,
    reveal_initial_password,
    set_password,
)
from accounts.operations.seats import (
    enter_seat,
    leave_seat,
)
from accounts.operations.sign_ins import (
    end_sign_ins,
    record_refusal,
    record_sign_in,
    record_sign_out,
)

__all__ = [
    "KEPT_FOR",
    "REVEALED_WITHOUT_PASSWORD_FOR",
    "EmailTaken",
    "NoInitialPassword",
    "UnusableUsername",
    "UsernameTaken",
    "WeakPassword",
    "WrongPassword",
    "change_own_password",
    "check_names_are_free",
    "check_password",
    "confirm_own_password",
    "create_admin",
    "create_login",
    "end_sign_ins",
    "enter_seat",
    "erase_expired_initial_passwords",
    "fold_username",
    "group_for_new_resellers",
    "keep_initial_password",
    "leave_seat",
    "may_reveal_without_password",
    "name_taken",
    "record_refusal",
    "record_sign_in",
    "record_sign_out",
    "reveal_initial_password",
    "save_login",
    "set_password",
]
