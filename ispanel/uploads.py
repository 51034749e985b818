"""Files that people upload, on their way in."""

from __future__ import annotations

import io
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler


class InMemory(FileUploadHandler):
    """Keep files in memory alone, as far as `FILE_UPLOAD_MAX_MEMORY_SIZE` goes for all of a request.

    What goes beyond is read to its end and forgotten: such a file has its size and no contents. So a form says that it
    is too large, where a connection that is cut off would say nothing.
    """

    #: How much of the request is kept so far.
    kept = 0
    file: io.BytesIO | None

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.file = io.BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if self.file is None:
            return
        self.kept += len(raw_data)
        self.file.write(raw_data)
        if self.kept > settings.FILE_UPLOAD_MAX_MEMORY_SIZE:
            self.kept -= self.file.tell()
            self.file = None

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        file = self.file or io.BytesIO()
        file.seek(0)
        return InMemoryUploadedFile(
            file=file,
            field_name=self.field_name,
            name=self.file_name,
            content_type=self.content_type,
            size=file_size,
            charset=self.charset,
            content_type_extra=self.content_type_extra,
        )
