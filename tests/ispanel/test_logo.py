"""The company at the head of papers: its name, address and logo, and what is taken for a logo."""

import io
import time
import zipfile
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from ispanel import logos
from ispanel.issuer import Issuer, panel_issuer
from ispanel.logos import ONE_AT_A_TIME, BadPicture, as_png, end_of_jpeg
from ispanel.models import PanelSettings, Picture
from tests.cast import signed_in
from tests.pages import body, error_at, send
from tests.pictures import a_logo, a_picture, opened

SETTINGS = "/settings/billing/"
POLYGLOT = "This file holds something else behind the picture. Save the picture anew and upload that."
UNREADABLE = "This is no picture that can be read. Upload a PNG, JPEG or WebP file."


def saved(user: User, *, logo: bytes | None = None, name: str = "logo.png", **typed: Any) -> HttpResponse:
    """Choose a file and save the settings."""
    return send(signed_in(user), SETTINGS, logo=SimpleUploadedFile(name, logo) if logo is not None else None, **typed)


def kept() -> bytes | None:
    found = PanelSettings.objects.get().logo
    return bytes(found.png) if found else None


# --- it works ---------------------------------------------------------------------------------------------------------


def test_papers_are_issued_by_the_panel_until_a_company_is_named(asha: User) -> None:
    assert panel_issuer() == Issuer("ISPanel")

    saved(asha, company_name="Al-Noor ISP", company_address="1 Main Street\r\nBeirut", logo=a_picture())

    issuer = panel_issuer()
    assert (issuer.name, issuer.address, issuer.logo) == ("Al-Noor ISP", "1 Main Street\nBeirut", kept())


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "RGBA"), ("PNG", "P"), ("JPEG", "RGB"), ("JPEG", "CMYK"), ("WEBP", "RGB")]
)
def test_a_picture_of_these_kinds_is_kept_as_png(asha: User, kind: str, mode: str) -> None:
    picture = io.BytesIO()
    Image.new(mode, (300, 120)).save(picture, kind)

    assert saved(asha, logo=picture.getvalue()).status_code == 303

    png = kept()
    assert png
    assert (opened(png).format, opened(png).size) == ("PNG", (300, 120))


def test_a_large_one_is_made_smaller_in_its_proportions() -> None:
    assert opened(as_png(a_picture(size=(4000, 1000)))).size == (1200, 300)
    assert opened(as_png(a_picture(size=(1000, 4000)))).size == (150, 600)


def test_nothing_but_the_picture_is_kept() -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken at a secret place"
    exif[0x0112] = 6  # lies on its side
    for kind in ("JPEG", "WEBP", "PNG"):
        upright = as_png(a_picture(kind, exif=exif))

        assert b"secret" not in upright
        assert opened(upright).size == (120, 300)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_damaged_exif_spoils_no_picture(asha: User) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.ImageDescription] = "a logo"
    exif[ExifTags.Base.XResolution] = 72.5
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2026:05:14 09:30:00"
    whole = a_picture("JPEG", size=(8, 4), exif=exif)
    start, end = whole.index(b"Exif"), whole.index(b"Exif") + len(exif.tobytes())
    damaged = [
        whole[:at] + bytes([byte]) + whole[at + 1 :] for at in range(start, end) for byte in (0, 2, 5, 7, 13, 255)
    ]

    assert {opened(as_png(file)).size for file in damaged} == {(4, 8), (8, 4)}
    assert saved(asha, logo=damaged[-1]).status_code == 303


def test_what_hides_inside_of_a_picture_is_left_behind() -> None:
    words = PngInfo()
    words.add_text("Comment", "<script>alert(1)</script>")
    hiding = [a_picture(pnginfo=words), a_picture("JPEG", comment="<script>alert(1)</script>")]

    for file in hiding:
        assert b"<script>" in file
        assert b"<script>" not in as_png(file)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_zeros_behind_a_picture_are_padding(kind: str) -> None:
    assert as_png(a_picture(kind) + bytes(16)) == as_png(a_picture(kind))


@pytest.mark.parametrize(
    "options", [{"progressive": True}, {"quality": 100, "subsampling": 0}, {"restart_marker_rows": 1}]
)
def test_where_a_jpeg_ends_is_found_whatever_is_in_it(options: dict[str, Any]) -> None:
    noise = Image.effect_noise((320, 200), 90).convert("RGB")
    written = io.BytesIO()
    noise.save(written, "JPEG", **options)

    assert opened(as_png(written.getvalue())).size == (320, 200)


@pytest.mark.parametrize("turn", [1, 3, 6, 8])
def test_a_large_one_that_lies_on_its_side_is_as_large_as_one_that_stands(turn: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = turn
    size = (2_400, 1_200) if turn < 5 else (1_200, 2_400)

    assert opened(as_png(a_picture("JPEG", size=size, exif=exif))).size == (1200, 600)


@pytest.mark.parametrize(("mode", "see_through"), [("P", 0), ("RGB", (0, 0, 0)), ("L", 0)])
def test_what_can_be_seen_through_stays_so_when_it_is_shrunk(mode: str, see_through: Any) -> None:
    written = io.BytesIO()
    Image.new(mode, (2_400, 1_200)).save(written, "PNG", transparency=see_through)

    assert opened(as_png(written.getvalue())).getpixel((600, 300)) == (0, 0, 0, 0)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_of_an_animated_picture_the_first_frame_is_kept(kind: str) -> None:
    frames = [Image.new("RGB", (300, 120), colour) for colour in ("red", "lime", "blue")]
    written = io.BytesIO()
    frames[0].save(written, kind, save_all=True, append_images=frames[1:], duration=40, lossless=True)
    assert opened(written.getvalue()).n_frames == 3

    kept = opened(as_png(written.getvalue()))

    assert (kept.n_frames, kept.getpixel((5, 5))) == (1, (255, 0, 0, 255))


def test_the_settings_show_it_and_can_remove_it(asha: User) -> None:
    client = signed_in(asha)
    assert "Remove the logo" not in body(client.get(SETTINGS))

    saved(asha, logo=a_picture())

    assert "Remove the logo" in body(client.get(SETTINGS))
    address = f"/pictures/{PanelSettings.objects.get().logo_id}.png"
    response = Client().get(address)
    assert (response.headers["Content-Type"], response.content) == ("image/png", kept())
    saved(asha, removes_logo=True)
    assert kept() is None
    assert Client().get(address).status_code == 404


def test_another_one_takes_its_place(asha: User) -> None:
    saved(asha, logo=a_picture())

    saved(asha, logo=a_picture(size=(50, 50)), removes_logo=True)

    assert opened(kept() or b"").size == (50, 50)


def test_saving_something_else_leaves_it(asha: User) -> None:
    saved(asha, logo=a_picture())

    saved(asha, name="logo.png", company_name="Al-Noor ISP")

    assert kept() == a_logo()


# --- it is audited ----------------------------------------------------------------------------------------------------


def test_it_is_audited_with_old_and_new(asha: User) -> None:
    saved(asha, company_name="Al-Noor ISP", logo=a_picture())
    first = AuditEntry.objects.latest("id")
    saved(asha, logo=a_picture(size=(50, 50)))
    second = AuditEntry.objects.latest("id")
    saved(asha, removes_logo=True)
    third = AuditEntry.objects.latest("id")

    assert {entry.action for entry in (first, second, third)} == {Action.BILLING_SETTINGS_CHANGED}
    assert first.changes["company_name"] == ["", "Al-Noor ISP"]
    old, new = first.changes["logo"]
    assert (old, new.partition(",")[0]) == (None, "300 × 120")
    assert second.changes["logo"][0] == new
    assert third.changes == {"logo": [second.changes["logo"][1], None]}


@pytest.mark.parametrize("what", ["the same again", "removing none"])
def test_what_changes_nothing_leaves_no_trace(asha: User, what: str) -> None:
    if what == "the same again":
        saved(asha, logo=a_picture())
    before = AuditEntry.objects.count()

    saved(asha, **({"logo": a_picture()} if what == "the same again" else {"removes_logo": True}))

    assert AuditEntry.objects.count() == before


# --- refused ----------------------------------------------------------------------------------------------------------


def bomb() -> bytes:
    """Return a small file of a huge picture."""
    picture = io.BytesIO()
    Image.new("1", (4_001, 2_500)).save(picture, "PNG")
    return picture.getvalue()


def archive() -> bytes:
    """Return a ZIP archive, whose readers look for it from the end of a file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as files:
        files.writestr("index.html", "<script>alert(1)</script>")
    return packed.getvalue()


def elaborate() -> bytes:
    """Return a JPEG of a few bytes that says 1,000 times how its last bits are: each goes over all pixels."""
    plain = a_picture("JPEG", progressive=True)
    last = plain.rindex(b"\xff\xda")
    return plain[:last] + plain[last:-2] * 1000 + plain[-2:]


SCRIPT = b"<html><script>alert(1)</script></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
BAD = {
    "an SVG": (SVG, UNREADABLE),
    "an SVG that is called a PNG": (b"\x89PNG\r\n\x1a\n" + SVG, UNREADABLE),
    "a GIF": (a_picture("GIF"), UNREADABLE),
    "a text": (b"hello", UNREADABLE),
    "nothing": (b"", UNREADABLE),
    "a script that is called a PNG": (SCRIPT, UNREADABLE),
    "a picture and a page": (a_picture() + SCRIPT, POLYGLOT),
    "a JPEG and a page": (a_picture("JPEG") + SCRIPT, POLYGLOT),
    "a WebP and a page": (a_picture("WEBP") + SCRIPT, POLYGLOT),
    "a picture and an archive": (a_picture() + archive(), POLYGLOT),
    "a JPEG and an archive": (a_picture("JPEG") + archive(), POLYGLOT),
    "50 MB": (a_picture() + bytes(50 * 1024 * 1024), "This file is larger than 2 MB. Upload a smaller one."),
    "half a picture": (a_picture("JPEG", size=(900, 900))[:600], UNREADABLE),
    "half a PNG": (a_picture(size=(900, 900))[:200], UNREADABLE),
    "too many bytes": (a_picture() + b"x" * 2 * 1024 * 1024, "This file is larger than 2 MB. Upload a smaller one."),
    "too many scans": (elaborate(), "This picture is put together too elaborately. Save it anew and upload that."),
    "too many pixels": (
        bomb(), "This picture has more than 10 million pixels. 1200 pixels are wide enough for a logo.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("file", "message"), BAD.values(), ids=BAD)
def test_what_is_no_logo_is_refused_with_what_to_do(asha: User, file: bytes, message: str) -> None:
    saved(asha, logo=a_picture())
    before = AuditEntry.objects.count()

    response = saved(asha, logo=file, company_name="Other")

    assert (response.status_code, error_at(response, "logo")) == (422, message)
    assert (kept(), AuditEntry.objects.count(), panel_issuer().name) == (a_logo(), before, "ISPanel")
    assert Picture.objects.count() == 1


# --- what it costs ----------------------------------------------------------------------------------------------------


def test_however_long_a_run_of_markers_is_it_is_gone_through_once() -> None:
    run = b"\xff\xd8" + b"\xff" * 30_000 + b"\x00"
    begun = time.process_time()

    assert end_of_jpeg(run) is None

    assert time.process_time() - begun < 1


def test_bytes_that_fill_up_before_a_marker_belong_to_it() -> None:
    plain = a_picture("JPEG")

    assert as_png(plain[:-2] + b"\xff" * 50 + plain[-2:]) == as_png(plain)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="this kernel does not say what was in use")
@pytest.mark.parametrize(
    ("kind", "mode"),
    [("JPEG", "RGB"), ("JPEG", "CMYK"), ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "L"), ("WEBP", "RGBA")],
)
def test_the_largest_that_is_taken_needs_little_memory(kind: str, mode: str) -> None:
    file = a_picture(kind, size=(4_000, 2_500), mode=mode)
    # From here on the kernel notes the most that is in use.
    Path("/proc/self/clear_refs").write_text("5")
    before = in_use("VmRSS")

    assert opened(as_png(file)).size == (960, 600)

    assert in_use("VmHWM") - before < 160 * 1024


def in_use(what: str) -> int:
    """Return a number of kibibytes that the kernel knows of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:"))


def test_one_picture_is_read_at_a_time() -> None:
    made: list[bytes] = []
    another = Thread(target=lambda: made.append(as_png(a_picture())))

    with ONE_AT_A_TIME:
        another.start()
        another.join(0.2)
        assert made == []
    another.join(10)

    assert made == [a_logo()]


def test_nobody_waits_long_for_other_pictures(asha: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logos, "PATIENCE", 0.01)

    with ONE_AT_A_TIME:
        response = saved(asha, logo=a_picture(), company_name="Al-Noor ISP")

    assert error_at(response, "logo") == (
        "Other pictures are being read at this moment. Upload it again in a few seconds."
    )
    assert 'value="Al-Noor ISP"' in response.content.decode()
    assert saved(asha, logo=a_picture()).status_code == 303


def test_a_picture_that_is_refused_holds_nobody_up() -> None:
    with pytest.raises(BadPicture):
        as_png(a_picture("JPEG", size=(900, 900))[:600])

    assert not ONE_AT_A_TIME.locked()


@pytest.mark.parametrize("name", ["logo.svg", "logo.php", "logo.html", "logo.png.exe", "logo", "png"])
def test_a_file_that_is_not_called_a_picture_is_refused(asha: User, name: str) -> None:
    response = saved(asha, logo=a_picture(), name=name)

    assert error_at(response, "logo") == (
        "The file’s name has to end in .png, .jpg, .jpeg or .webp. Upload such a picture."
    )
    assert (kept(), Picture.objects.count()) == (None, 0)


def test_a_company_name_of_151_letters_is_refused(asha: User) -> None:
    assert "at most 150 characters" in error_at(saved(asha, company_name="x" * 151), "company_name")


def test_the_form_says_what_is_taken(asha: User) -> None:
    page = signed_in(asha).get(SETTINGS)

    assert 'enctype="multipart/form-data"' in page.content.decode()
    assert "PNG, JPEG or WebP, up to 2 MB." in body(page)
