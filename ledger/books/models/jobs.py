"""Work that goes on after its request was answered."""

from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Index, Text
from sqlmodel import Field

from ledger.books.base import Table, moment, required_text, strict
from ledger.clock import Real


class VideoJob(Table, table=True):
    """A video that was handed in. Its id is the request's, which stays open until it is done."""

    __tablename__ = "video_job"
    __table_args__: ClassVar[Any] = strict(Index("ix_video_job_job_id", "job_id"))

    id: str = Field(primary_key=True, sa_type=Text, sa_column_args=[ForeignKey("request.id")])
    at: Real.Moment = moment()
    job_id: str = required_text()
