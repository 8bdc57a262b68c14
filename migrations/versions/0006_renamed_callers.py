"""Renamed callers keep their history: `caller_alias`, and views that show the new name.

Revision: 0006
After: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "caller_alias",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("process_id", sa.Text(), nullable=False),
        sa.Column("caller_id", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["caller_id"], ["caller.id"], name=op.f("fk_caller_alias_caller_id")
        ),
        sa.ForeignKeyConstraint(
            ["process_id"], ["process.id"], name=op.f("fk_caller_alias_process_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_caller_alias")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("ix_caller_alias_caller_id", "caller_alias", ["caller_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_caller_alias_caller_id", "caller_alias")
    op.drop_table("caller_alias")
