"""An index of settlement attempts by generation: each pending request looked through all of them.

Revision: 0011
After: 0010
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_settlement_attempt_generation_id",
        "settlement_attempt",
        ["generation_id", "result"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index("ix_settlement_attempt_generation_id", "settlement_attempt")
