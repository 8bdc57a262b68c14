"""What came from files and other ledgers, and the totals that they state without calls.

The sums of usage get columns for them.

Revision: 0016
After: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
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
)
NEW_SUMS = ("declared_pico", "declared_requests", "undivided_tokens")
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
    _files()
    _calls()
    _balances()
    _rollups((*SUMS, *NEW_SUMS))


def _files() -> None:
    op.create_table(
        "imported_file",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("process_id", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=True),
        sa.Column("size", BIG, nullable=True),
        sa.Column("zone", sa.Text(), nullable=True),
        sa.Column("series", sa.Text(), nullable=False),
        sa.CheckConstraint("coalesce(size, 0) >= 0", name=op.f("ck_imported_file_not_negative")),
        sa.ForeignKeyConstraint(
            ["process_id"], ["process.id"], name=op.f("fk_imported_file_process_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imported_file")),
        **STRICT,
    )
    op.create_index("ix_imported_file_path", "imported_file", ["path"], unique=False)


def _calls() -> None:
    op.create_table(
        "imported_call",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("stated_at", sa.Text(), nullable=False),
        sa.Column("stated_day", sa.Text(), nullable=False),
        sa.Column("cost_pico", BIG, nullable=True),
        sa.Column("upstream_pico", BIG, nullable=True),
        sa.Column("cost_text", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "coalesce(cost_pico, 0) >= 0 AND coalesce(upstream_pico, 0) >= 0",
            name=op.f("ck_imported_call_not_negative"),
        ),
        sa.ForeignKeyConstraint(["id"], ["request.id"], name=op.f("fk_imported_call_id")),
        sa.ForeignKeyConstraint(
            ["file_id"], ["imported_file.id"], name=op.f("fk_imported_call_file_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imported_call")),
        sa.UniqueConstraint("key", name=op.f("uq_imported_call_key")),
        **STRICT,
    )
    op.create_index("ix_imported_call_file_id", "imported_call", ["file_id"], unique=False)


def _balances() -> None:
    op.create_table(
        "opening_balance",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("breakdown", sa.Text(), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("caller_id", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("requests", BIG, nullable=True),
        sa.Column("tokens", BIG, nullable=True),
        sa.Column("cost_pico", BIG, nullable=False),
        sa.Column("upstream_pico", BIG, nullable=True),
        sa.Column("stated_pico", BIG, nullable=False),
        sa.Column("stated_requests", BIG, nullable=True),
        sa.Column("stated_tokens", BIG, nullable=True),
        sa.CheckConstraint(
            "breakdown IN ('all', 'time', 'caller')", name=op.f("ck_opening_balance_breakdown")
        ),
        sa.ForeignKeyConstraint(
            ["caller_id"], ["caller.id"], name=op.f("fk_opening_balance_caller_id")
        ),
        sa.ForeignKeyConstraint(
            ["file_id"], ["imported_file.id"], name=op.f("fk_opening_balance_file_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opening_balance")),
        **STRICT,
    )
    op.create_index("ix_opening_balance_day", "opening_balance", ["day"], unique=False)
    op.create_index("ix_opening_balance_file_id", "opening_balance", ["file_id"], unique=False)


def _rollups(sums: tuple[str, ...]) -> None:
    """Made anew, and all of it marked: sums can be made from the facts at any time."""
    for table, period in (("usage_rollup", "period"), ("usage_day_rollup", "day")):
        op.drop_table(table)
        op.create_table(
            table,
            *(sa.Column(name, BIG, nullable=False) for name in sums),
            sa.Column(period, sa.Text(), nullable=False),
            sa.Column("caller_id", sa.Text(), nullable=False),
            sa.Column("model", sa.Text(), nullable=False),
            sa.Column("provider", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint(
                period, "caller_id", "model", "provider", name=op.f(f"pk_{table}")
            ),
            **STRICT,
        )
    op.execute("DELETE FROM stale_rollup")
    op.execute(MARK_ALL)


def downgrade() -> None:
    _rollups(SUMS)
    op.drop_table("opening_balance")
    op.drop_table("imported_call")
    op.drop_table("imported_file")
