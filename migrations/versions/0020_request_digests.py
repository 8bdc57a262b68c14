"""Digests of what requests asked: whether the one before asked the same, and nothing of its text.

Revision: 0020
After: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "request_digest",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["request.id"], name=op.f("fk_request_digest_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request_digest")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("request_digest")
