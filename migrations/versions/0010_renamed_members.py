"""Renamed members of chains: the views show them as callers are shown. No table changes.

Revision: 0010
After: 0009
"""

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Views are made anew after every upgrade."""


def downgrade() -> None:
    """Views are made anew after every downgrade, too."""
