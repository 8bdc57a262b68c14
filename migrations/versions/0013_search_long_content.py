"""Search content of any length: a server's index refuses a text whose words take more than 1 MiB.

Revision: 0013
After: 0012
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# 200,000 characters of the shortest words still fit, four bytes a character.
_MAKE = "CREATE INDEX content_search ON content USING gin (to_tsvector('simple', {text}))"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP INDEX IF EXISTS content_search")
        op.execute(_MAKE.format(text="left(text, 200000)"))


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP INDEX IF EXISTS content_search")
        op.execute(_MAKE.format(text="text"))
