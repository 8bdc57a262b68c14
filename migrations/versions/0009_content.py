"""Content: what was asked and answered, where the user switched storing on.

Revision: 0009
After: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# STRICT tables on SQLite know INTEGER, which holds 64 bits there, and no BIGINT.
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "content",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.Text(), nullable=True),
        sa.Column("position", BIG, nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('message', 'answer')", name=op.f("ck_content_kind")),
        sa.ForeignKeyConstraint(["request_id"], ["request.id"], name=op.f("fk_content_request_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_content")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("ix_content_request_id", "content", ["request_id"])
    op.create_index("ix_content_conversation_id", "content", ["conversation_id"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE INDEX content_search ON content USING gin (to_tsvector('simple', text))")


def downgrade() -> None:
    op.drop_index("ix_content_conversation_id", "content")
    op.drop_index("ix_content_request_id", "content")
    if op.get_bind().dialect.name == "sqlite":  # where its index is a table, made by a search
        op.execute("DROP TABLE IF EXISTS content_search")
    op.drop_table("content")
