"""How much of what is uploaded is kept in memory, and that none of it is put on the disk."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory
from pytest_django import Settings

from ispanel.uploads import InMemory

MOST = 1024 * 1024


@pytest.fixture
def scratch(settings: Settings, tmp_path: Path) -> Iterator[Path]:
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = MOST
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


def uploaded(**sizes: int) -> dict[str, tuple[int | None, int]]:
    """Upload files of these sizes; return the size that each tells, and how much of it is there."""
    files = {name: SimpleUploadedFile(f"{name}.png", b"x" * size) for name, size in sizes.items()}
    request = RequestFactory().post("/", files)
    return {name: (file.size, len(file.read())) for name, file in request.FILES.items()}


def test_what_fits_is_kept(scratch: Path) -> None:
    assert uploaded(small=7, empty=0, largest=MOST - 7) == {
        "small": (7, 7), "empty": (0, 0), "largest": (MOST - 7, MOST - 7),
    }  # fmt: skip


def test_what_is_too_large_is_told_by_its_size_and_forgotten(scratch: Path) -> None:
    assert uploaded(large=50 * MOST) == {"large": (50 * MOST, 0)}


def test_many_files_have_no_more_room_than_one(scratch: Path) -> None:
    assert uploaded(one=MOST - 10, two=MOST, three=10) == {
        "one": (MOST - 10, MOST - 10), "two": (MOST, 0), "three": (10, 10),
    }  # fmt: skip


def test_no_more_is_in_memory_at_any_moment(scratch: Path) -> None:
    handler = InMemory()
    handler.new_file("logo", "logo.png", "image/png", 50 * MOST)

    for number in range(800):
        handler.receive_data_chunk(b"x" * 65_536, number * 65_536)
        assert isinstance(handler.file, io.BytesIO | None)
        assert handler.kept <= MOST
        assert handler.file is None or handler.file.tell() <= MOST
