"""Tags: the user's own words beside a request, and views by tag and by member of a chain.

Revision: 0005
After: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "request_tag",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["request.id"], name=op.f("fk_request_tag_request_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request_tag")),
        sa.UniqueConstraint("request_id", "key", name=op.f("uq_request_tag_request_id_key")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("request_tag")
