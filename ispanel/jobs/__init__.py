"""Jobs: what the worker does after an act, or at its hours. Nothing else imports procrastinate."""

from ispanel.jobs.declaring import Task, every, job
from ispanel.jobs.enqueueing import enqueue

__all__ = ["Task", "enqueue", "every", "job"]
