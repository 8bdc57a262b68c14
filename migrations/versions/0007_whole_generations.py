"""All that the provider records of a generation: the providers it tried, and `generation_metrics`.

Revision: 0007
After: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("generation", sa.Column("provider_responses", sa.Text(), nullable=True))
    op.add_column("generation", sa.Column("unknown_fields", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("generation", "unknown_fields")
    op.drop_column("generation", "provider_responses")
