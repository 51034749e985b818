"""Logos that nothing shows and no paper bears any more: they are erased, and no other."""

from datetime import datetime, timedelta
from threading import Event, Thread

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounts.models import User
from ispanel.logos import as_png, digest_of, erase_unused, kept_picture
from ispanel.models import PanelSettings, Picture
from ispanel.tasks import erase_unused_pictures
from resellers.models import Branding, Reseller
from tests.cast import NOW
from tests.pictures import a_logo, a_picture
from tests.resellers.brands import allow, brand

OTHER = as_png(a_picture(size=(60, 30)))
DAY = timedelta(days=1)


def erase(now: datetime = NOW) -> set[str]:
    """Do the night's work, and return the digests of the pictures that are left."""
    erase_unused(now=now)
    return set(Picture.objects.values_list("pk", flat=True))


def test_a_logo_that_was_changed_is_gone_a_day_after_it_was_noticed(asha: User, north: Reseller) -> None:
    allow(asha, north)
    brand(asha, north, logo=a_logo(), dark_logo=OTHER)
    brand(asha, north, logo=OTHER)

    assert erase(NOW) == {digest_of(a_logo()), digest_of(OTHER)}
    assert erase(NOW + timedelta(hours=23)) == {digest_of(a_logo()), digest_of(OTHER)}
    assert erase(NOW + DAY) == {digest_of(OTHER)}


@pytest.mark.parametrize("field", ["logo", "dark_logo"])
def test_one_that_somebody_shows_stays(asha: User, north: Reseller, south: Reseller, field: str) -> None:
    for reseller in (north, south):
        allow(asha, reseller)
        brand(asha, reseller, **{field: a_logo()})
    brand(asha, south, **{f"removes_{field}": True})

    for day in range(4):
        assert erase(NOW + day * DAY) == {digest_of(a_logo())}


def test_the_panels_own_stays(db: None) -> None:
    PanelSettings.objects.update(logo=kept_picture(a_logo()))

    erase(NOW)

    assert erase(NOW + 2 * DAY) == {digest_of(a_logo())}


def test_one_that_is_uploaded_again_meanwhile_stays(asha: User, north: Reseller) -> None:
    allow(asha, north)
    kept_picture(a_logo())
    erase(NOW)

    brand(asha, north, logo=a_logo())

    assert erase(NOW + 2 * DAY) == {digest_of(a_logo())}
    brand(asha, north, removes_logo=True)
    assert erase(NOW + 3 * DAY) == {digest_of(a_logo())}  # its day begins anew
    assert erase(NOW + 4 * DAY) == set()


def test_one_that_somebody_is_keeping_at_this_moment_stays(committing: None, asha: User, north: Reseller) -> None:
    picture = kept_picture(a_logo())
    Picture.objects.update(unused_since=NOW)
    is_kept, may_end = Event(), Event()

    def keep() -> None:
        try:
            with transaction.atomic():
                kept_picture(a_logo())
                is_kept.set()
                may_end.wait(30)
                Branding.objects.create(reseller=north, logo=picture, updated_at=NOW)
        finally:
            connection.close()

    thread = Thread(target=keep)
    thread.start()
    is_kept.wait(30)
    left = erase(NOW + 2 * DAY)
    may_end.set()
    thread.join(30)

    assert left == {digest_of(a_logo())}
    assert Branding.objects.get().logo == picture


def test_it_is_the_nights_work(db: None) -> None:
    kept_picture(a_logo())
    Picture.objects.update(unused_since=timezone.now() - DAY)

    erase_unused_pictures(now=timezone.now())

    assert not Picture.objects.exists()


@pytest.mark.parametrize("column", ["png", "digest"])
def test_what_is_in_a_picture_cannot_be_changed(committing: None, column: str) -> None:
    kept_picture(a_logo())

    with pytest.raises(DatabaseError, match="permission denied"):
        Picture.objects.update(**{column: b"x" if column == "png" else "x"})
