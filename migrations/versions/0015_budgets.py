"""Budgets: their settings, holds, resolutions, and the balances that are tested in the write.

Revision: 0015
After: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# STRICT tables on SQLite know INTEGER, which holds 64 bits there, and no BIGINT.
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
STRICT = {"sqlite_strict": True, "sqlite_with_rowid": False}


def _one_of(table: str, column: str, *values: str) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=op.f(f"ck_{table}_{column}"))


def _not_negative(table: str, *columns: str) -> sa.CheckConstraint:
    tests = " AND ".join(f"coalesce({column}, 0) >= 0" for column in columns)
    return sa.CheckConstraint(tests, name=op.f(f"ck_{table}_not_negative"))


def _points_to(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}"))


def _key(table: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}"))


def upgrade() -> None:
    _budgets()
    _holds()
    _resolutions()
    op.create_table(
        "budget_rollup",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("counted_as", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("ceiling_pico", BIG, nullable=True),
        sa.Column("spent_pico", BIG, nullable=False),
        sa.Column("held_pico", BIG, nullable=False),
        _key("budget_rollup"),
        sa.UniqueConstraint(
            "counted_as", "period", name=op.f("uq_budget_rollup_counted_as_period")
        ),
        **STRICT,
    )


def _budgets() -> None:
    op.create_table(
        "budget",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("process_id", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("number", BIG, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("counted_as", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("scope_key", sa.Text(), nullable=True),
        sa.Column("scope_value", sa.Text(), nullable=True),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("limit_pico", BIG, nullable=False),
        sa.Column("warn_percent", BIG, nullable=True),
        sa.Column("at_limit", sa.Text(), nullable=False),
        _one_of("budget", "kind", "set", "removed"),
        _one_of("budget", "scope", "everyone", "caller", "chain_member", "model", "tag"),
        _one_of("budget", "period", "day", "week", "month", "total"),
        _one_of("budget", "at_limit", "refuse", "warn"),
        _not_negative("budget", "number", "limit_pico", "warn_percent"),
        _points_to("budget", "process_id", "process"),
        _key("budget"),
        sa.UniqueConstraint("number", name=op.f("uq_budget_number")),
        **STRICT,
    )


def _holds() -> None:
    op.create_table(
        "hold",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("amount_pico", BIG, nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        _one_of("hold", "basis", "bound", "max_cost", "none"),
        _not_negative("hold", "amount_pico"),
        _points_to("hold", "id", "request"),
        _key("hold"),
        **STRICT,
    )
    op.create_table(
        "hold_end",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("spent_pico", BIG, nullable=False),
        sa.Column("is_over", sa.Integer(), nullable=True),
        _one_of("hold_end", "cause", "reported", "settled", "not_charged", "declared"),
        _not_negative("hold_end", "spent_pico"),
        _points_to("hold_end", "id", "hold"),
        _key("hold_end"),
        **STRICT,
    )


def _resolutions() -> None:
    op.create_table(
        "resolution",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("process_id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("cost_pico", BIG, nullable=False),
        _one_of("resolution", "kind", "cost", "not_sent"),
        _not_negative("resolution", "cost_pico"),
        _points_to("resolution", "process_id", "process"),
        _points_to("resolution", "request_id", "request"),
        _key("resolution"),
        sa.UniqueConstraint("request_id", name=op.f("uq_resolution_request_id")),
        **STRICT,
    )


def downgrade() -> None:
    for table in ("budget_rollup", "resolution", "hold_end", "hold", "budget"):
        op.drop_table(table)
