"""Sums of usage by quarters of an hour and by days, made anew from the facts where marked as stale.

Everything there is at first is marked.

Revision: 0014
After: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# STRICT tables on SQLite know INTEGER, which holds 64 bits there, and no BIGINT.
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SUMS = (
    "requests",
    "finished",
    "failed",
    "cancelled",
    "interrupted",
    "open_requests",
    "prompt_tokens",
    "completion_tokens",
    "cost_pico",
    "upstream_pico",
    "total_pico",
    "settled_pico",
    "reported_pico",
    "settled_requests",
    "reported_requests",
    "pending_requests",
    "unknown_requests",
    "not_charged_requests",
)
MARK_ALL = """
    INSERT INTO stale_rollup (period, folding)
    SELECT DISTINCT
        substr(started_at, 1, 14) || CASE
            WHEN substr(started_at, 15, 2) < '15' THEN '00'
            WHEN substr(started_at, 15, 2) < '30' THEN '15'
            WHEN substr(started_at, 15, 2) < '45' THEN '30'
            ELSE '45'
        END || ':' || '00.000000Z',
        0
    FROM request
    UNION
    SELECT DISTINCT day, 0 FROM request
"""


def upgrade() -> None:
    op.create_index("ix_request_started_at", "request", ["started_at"], unique=False)
    for table, period in (("usage_rollup", "period"), ("usage_day_rollup", "day")):
        op.create_table(
            table,
            *(sa.Column(name, BIG, nullable=False) for name in SUMS),
            sa.Column(period, sa.Text(), nullable=False),
            sa.Column("caller_id", sa.Text(), nullable=False),
            sa.Column("model", sa.Text(), nullable=False),
            sa.Column("provider", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint(
                period, "caller_id", "model", "provider", name=op.f(f"pk_{table}")
            ),
            sqlite_strict=True,
            sqlite_with_rowid=False,
        )
    op.create_table(
        "stale_rollup",
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("folding", BIG, nullable=False),
        sa.PrimaryKeyConstraint("period", name=op.f("pk_stale_rollup")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.execute(MARK_ALL)


def downgrade() -> None:
    op.drop_table("stale_rollup")
    op.drop_table("usage_day_rollup")
    op.drop_table("usage_rollup")
    op.drop_index("ix_request_started_at", "request")
