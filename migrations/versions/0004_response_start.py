"""The ids of answers that have begun: a stream whose process is killed can still be settled.

Revision: 0004
After: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# STRICT tables on SQLite know INTEGER, which holds 64 bits there, and no BIGINT.
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "response_start",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("generation_id", sa.Text(), nullable=False),
        sa.Column("latency_ms", BIG, nullable=True),
        sa.CheckConstraint(
            "coalesce(latency_ms, 0) >= 0", name=op.f("ck_response_start_not_negative")
        ),
        sa.ForeignKeyConstraint(["id"], ["request.id"], name=op.f("fk_response_start_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_response_start")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("ix_response_start_generation_id", "response_start", ["generation_id"])


def downgrade() -> None:
    op.drop_index("ix_response_start_generation_id", "response_start")
    op.drop_table("response_start")
