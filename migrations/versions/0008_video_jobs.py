"""Videos that were handed in: which request a job's later status, with its cost, belongs to.

Revision: 0008
After: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "video_job",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["request.id"], name=op.f("fk_video_job_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_video_job")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("ix_video_job_job_id", "video_job", ["job_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_video_job_job_id", "video_job")
    op.drop_table("video_job")
