"""Sums of usage with their key first: SQLite 3.40 checks a file for NULL by the wrong columns else.

Both name their time `period` now. The sums are made anew, and all of them marked.

Revision: 0018
After: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# STRICT tables on SQLite know INTEGER, which holds 64 bits there, and no BIGINT.
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
STRICT = {"sqlite_strict": True, "sqlite_with_rowid": False}
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
    "declared_pico",
    "declared_requests",
    "undivided_tokens",
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
    for table in ("usage_rollup", "usage_day_rollup"):
        _remake(table, [*_key("period"), *_sums()], "period")


def downgrade() -> None:
    for table, period in (("usage_rollup", "period"), ("usage_day_rollup", "day")):
        _remake(table, [*_sums(), *_key(period)], period)


def _key(period: str) -> list[sa.Column[str]]:
    names = (period, "caller_id", "model", "provider")
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _sums() -> list[sa.Column[int]]:
    return [sa.Column(name, BIG, nullable=False) for name in SUMS]


def _remake(table: str, columns: list[sa.Column[str] | sa.Column[int]], period: str) -> None:
    op.drop_table(table)
    op.create_table(
        table,
        *columns,
        sa.PrimaryKeyConstraint(period, "caller_id", "model", "provider", name=op.f(f"pk_{table}")),
        **STRICT,
    )
    op.execute("DELETE FROM stale_rollup")
    op.execute(MARK_ALL)
