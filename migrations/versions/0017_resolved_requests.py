"""Requests that an operator has resolved: the views show them as declared. No table changes.

Revision: 0017
After: 0016
"""

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Views are made anew after every upgrade."""


def downgrade() -> None:
    """Views are made anew after every downgrade, too."""
