"""The catalogue: models and their providers' offers, as they were listed over time.

Revision: 0002
After: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# STRICT tables on SQLite know INTEGER, which holds 64 bits there, and no BIGINT.
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "catalogue_model",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("process_id", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("is_listed", sa.Integer(), nullable=True),
        sa.Column("canonical_slug", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("created", BIG, nullable=True),
        sa.Column("context_length", BIG, nullable=True),
        sa.Column("max_completion_tokens", BIG, nullable=True),
        sa.Column("input_kinds", sa.Text(), nullable=True),
        sa.Column("output_kinds", sa.Text(), nullable=True),
        sa.Column("supported_parameters", sa.Text(), nullable=True),
        sa.Column("is_moderated", sa.Integer(), nullable=True),
        sa.Column("expires_on", sa.Text(), nullable=True),
        sa.Column("prompt_price", sa.Text(), nullable=True),
        sa.Column("completion_price", sa.Text(), nullable=True),
        sa.Column("request_price", sa.Text(), nullable=True),
        sa.Column("pricing_text", sa.Text(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "coalesce(context_length, 0) >= 0 AND coalesce(max_completion_tokens, 0) >= 0",
            name=op.f("ck_catalogue_model_not_negative"),
        ),
        sa.ForeignKeyConstraint(
            ["process_id"], ["process.id"], name=op.f("fk_catalogue_model_process_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue_model")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("ix_catalogue_model_model", "catalogue_model", ["model", "id"], unique=False)
    op.create_table(
        "catalogue_endpoint",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("process_id", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("is_listed", sa.Integer(), nullable=True),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("quantization", sa.Text(), nullable=True),
        sa.Column("context_length", BIG, nullable=True),
        sa.Column("max_completion_tokens", BIG, nullable=True),
        sa.Column("max_prompt_tokens", BIG, nullable=True),
        sa.Column("supported_parameters", sa.Text(), nullable=True),
        sa.Column("prompt_price", sa.Text(), nullable=True),
        sa.Column("completion_price", sa.Text(), nullable=True),
        sa.Column("request_price", sa.Text(), nullable=True),
        sa.Column("pricing_text", sa.Text(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "coalesce(context_length, 0) >= 0 AND coalesce(max_completion_tokens, 0) >= 0"
            " AND coalesce(max_prompt_tokens, 0) >= 0",
            name=op.f("ck_catalogue_endpoint_not_negative"),
        ),
        sa.ForeignKeyConstraint(
            ["process_id"], ["process.id"], name=op.f("fk_catalogue_endpoint_process_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue_endpoint")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_catalogue_endpoint_model",
        "catalogue_endpoint",
        ["model", "endpoint", "id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index("ix_catalogue_endpoint_model", "catalogue_endpoint")
    op.drop_table("catalogue_endpoint")
    op.drop_index("ix_catalogue_model_model", "catalogue_model")
    op.drop_table("catalogue_model")
