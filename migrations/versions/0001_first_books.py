"""The first books: calls, callers, what the ledger did for them, the provider's own records.

Revision: 0001
After: nothing
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# STRICT tables on SQLite know INTEGER, which holds 64 bits there, and no BIGINT.
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "process",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=True),
        sa.Column("os_user", sa.Text(), nullable=True),
        sa.Column("pid", BIG, nullable=True),
        sa.Column("started_at", sa.Text(), nullable=True),
        sa.Column("boot_id", sa.Text(), nullable=True),
        sa.Column("program", sa.Text(), nullable=True),
        sa.Column("git_commit", sa.Text(), nullable=True),
        sa.Column("python_version", sa.Text(), nullable=True),
        sa.Column("ledger_version", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_process")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "caller",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("process_id", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["process_id"], ["process.id"], name=op.f("fk_caller_process_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_caller")),
        sa.UniqueConstraint("name", "folder", name=op.f("uq_caller_name_folder")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "credit_snapshot",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("process_id", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.Text(), nullable=True),
        sa.Column("total_credits_pico", BIG, nullable=True),
        sa.Column("total_usage_pico", BIG, nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["process_id"], ["process.id"], name=op.f("fk_credit_snapshot_process_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_snapshot")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "generation",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("process_id", sa.Text(), nullable=False),
        sa.Column("settled_at", sa.Text(), nullable=False),
        sa.Column("generation_id", sa.Text(), nullable=False),
        sa.Column("cost_pico", BIG, nullable=False),
        sa.Column("upstream_pico", BIG, nullable=True),
        sa.Column("cache_discount_pico", BIG, nullable=True),
        sa.Column("is_byok", sa.Integer(), nullable=True),
        sa.Column("cost_text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("upstream_id", sa.Text(), nullable=True),
        sa.Column("tokens_prompt", BIG, nullable=True),
        sa.Column("tokens_completion", BIG, nullable=True),
        sa.Column("native_tokens_prompt", BIG, nullable=True),
        sa.Column("native_tokens_completion", BIG, nullable=True),
        sa.Column("native_tokens_reasoning", BIG, nullable=True),
        sa.Column("native_tokens_cached", BIG, nullable=True),
        sa.Column("native_tokens_completion_images", BIG, nullable=True),
        sa.Column("num_media_prompt", BIG, nullable=True),
        sa.Column("num_media_completion", BIG, nullable=True),
        sa.Column("num_input_audio_prompt", BIG, nullable=True),
        sa.Column("num_search_results", BIG, nullable=True),
        sa.Column("num_fetches", BIG, nullable=True),
        sa.Column("latency_ms", BIG, nullable=True),
        sa.Column("generation_time_ms", BIG, nullable=True),
        sa.Column("moderation_latency_ms", BIG, nullable=True),
        sa.Column("finish_reason", sa.Text(), nullable=True),
        sa.Column("native_finish_reason", sa.Text(), nullable=True),
        sa.Column("streamed", sa.Integer(), nullable=True),
        sa.Column("cancelled", sa.Integer(), nullable=True),
        sa.Column("api_type", sa.Text(), nullable=True),
        sa.Column("app_id", BIG, nullable=True),
        sa.Column("origin", sa.Text(), nullable=True),
        sa.Column("service_tier", sa.Text(), nullable=True),
        sa.Column("router", sa.Text(), nullable=True),
        sa.Column("web_search_engine", sa.Text(), nullable=True),
        sa.Column("data_region", sa.Text(), nullable=True),
        sa.Column("preset_id", sa.Text(), nullable=True),
        sa.Column("workspace_id", sa.Text(), nullable=True),
        sa.Column("session_id", sa.Text(), nullable=True),
        sa.Column("provider_request_id", sa.Text(), nullable=True),
        sa.Column("response_cache_source_id", sa.Text(), nullable=True),
        sa.Column("flags", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "coalesce(cost_pico, 0) >= 0 AND coalesce(upstream_pico, 0) >= 0 AND coalesce(tokens_prompt, 0) >= 0 AND coalesce(tokens_completion, 0) >= 0",  # noqa: E501 - one CHECK, frozen as it was made
            name=op.f("ck_generation_not_negative"),
        ),
        sa.ForeignKeyConstraint(
            ["process_id"], ["process.id"], name=op.f("fk_generation_process_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_generation")),
        sa.UniqueConstraint("generation_id", name=op.f("uq_generation_generation_id")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "provisioning_event",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("process_id", sa.Text(), nullable=False),
        sa.Column("caller_id", sa.Text(), nullable=True),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("template_values", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('created', 'found', 'changed', 'refused')",
            name=op.f("ck_provisioning_event_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["caller_id"], ["caller.id"], name=op.f("fk_provisioning_event_caller_id")
        ),
        sa.ForeignKeyConstraint(
            ["process_id"], ["process.id"], name=op.f("fk_provisioning_event_process_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provisioning_event")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "refusal",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("process_id", sa.Text(), nullable=False),
        sa.Column("caller_id", sa.Text(), nullable=True),
        sa.Column("caller_name", sa.Text(), nullable=True),
        sa.Column("chain", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("model_asked", sa.Text(), nullable=True),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.CheckConstraint("day = substr(at, 1, 10)", name=op.f("ck_refusal_day")),
        sa.ForeignKeyConstraint(["caller_id"], ["caller.id"], name=op.f("fk_refusal_caller_id")),
        sa.ForeignKeyConstraint(["process_id"], ["process.id"], name=op.f("fk_refusal_process_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refusal")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "request",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("process_id", sa.Text(), nullable=False),
        sa.Column("caller_id", sa.Text(), nullable=True),
        sa.Column("chain", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("base_url", sa.Text(), nullable=False),
        sa.Column("model_asked", sa.Text(), nullable=True),
        sa.Column("started_at", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("timeout_ms", BIG, nullable=True),
        sa.Column("streamed", sa.Integer(), nullable=True),
        sa.Column("key_hash", sa.Text(), nullable=True),
        sa.Column("config_applied", sa.Text(), nullable=True),
        sa.CheckConstraint("coalesce(timeout_ms, 0) >= 0", name=op.f("ck_request_not_negative")),
        sa.CheckConstraint("day = substr(started_at, 1, 10)", name=op.f("ck_request_day")),
        sa.ForeignKeyConstraint(["caller_id"], ["caller.id"], name=op.f("fk_request_caller_id")),
        sa.ForeignKeyConstraint(["process_id"], ["process.id"], name=op.f("fk_request_process_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "outcome",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("http_status", BIG, nullable=True),
        sa.Column("latency_ms", BIG, nullable=True),
        sa.Column("generation_id", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("finish_reason", sa.Text(), nullable=True),
        sa.Column("native_finish_reason", sa.Text(), nullable=True),
        sa.Column("service_tier", sa.Text(), nullable=True),
        sa.Column("system_fingerprint", sa.Text(), nullable=True),
        sa.Column("prompt_tokens", BIG, nullable=True),
        sa.Column("completion_tokens", BIG, nullable=True),
        sa.Column("total_tokens", BIG, nullable=True),
        sa.Column("reasoning_tokens", BIG, nullable=True),
        sa.Column("cached_tokens", BIG, nullable=True),
        sa.Column("cache_write_tokens", BIG, nullable=True),
        sa.Column("cost_pico", BIG, nullable=True),
        sa.Column("upstream_pico", BIG, nullable=True),
        sa.Column("is_byok", sa.Integer(), nullable=True),
        sa.Column("cost_grade", sa.Text(), nullable=False),
        sa.Column("flags", sa.Text(), nullable=True),
        sa.Column("usage_text", sa.Text(), nullable=True),
        sa.Column("usage_omitted", sa.Text(), nullable=True),
        sa.Column("unknown_fields", sa.Text(), nullable=True),
        sa.Column("error_type", sa.Text(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(cost_grade = 'reported') = (cost_pico IS NOT NULL)", name=op.f("ck_outcome_reported")
        ),
        sa.CheckConstraint(
            "cost_grade IN ('reported', 'pending', 'unknown', 'not_charged')",
            name=op.f("ck_outcome_cost_grade"),
        ),
        sa.CheckConstraint(
            "status IN ('finished', 'failed', 'cancelled', 'interrupted')",
            name=op.f("ck_outcome_status"),
        ),
        sa.CheckConstraint(
            "coalesce(latency_ms, 0) >= 0 AND coalesce(prompt_tokens, 0) >= 0 AND coalesce(completion_tokens, 0) >= 0 AND coalesce(total_tokens, 0) >= 0 AND coalesce(reasoning_tokens, 0) >= 0 AND coalesce(cached_tokens, 0) >= 0 AND coalesce(cache_write_tokens, 0) >= 0 AND coalesce(cost_pico, 0) >= 0 AND coalesce(upstream_pico, 0) >= 0",  # noqa: E501 - one CHECK, frozen as it was made
            name=op.f("ck_outcome_not_negative"),
        ),
        sa.ForeignKeyConstraint(["id"], ["request.id"], name=op.f("fk_outcome_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outcome")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("ix_outcome_generation_id", "outcome", ["generation_id"], unique=False)

    op.create_table(
        "settlement_attempt",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("process_id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("generation_id", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("http_status", BIG, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "result IN ('settled', 'not_ready', 'failed', 'given_up')",
            name=op.f("ck_settlement_attempt_result"),
        ),
        sa.ForeignKeyConstraint(
            ["process_id"], ["process.id"], name=op.f("fk_settlement_attempt_process_id")
        ),
        sa.ForeignKeyConstraint(
            ["request_id"], ["request.id"], name=op.f("fk_settlement_attempt_request_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlement_attempt")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("settlement_attempt")
    op.drop_index("ix_outcome_generation_id", "outcome")
    op.drop_table("outcome")
    op.drop_table("request")
    op.drop_table("refusal")
    op.drop_table("provisioning_event")
    op.drop_table("generation")
    op.drop_table("credit_snapshot")
    op.drop_table("caller")
    op.drop_table("process")
