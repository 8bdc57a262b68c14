"""`usd(pico)` for statements on a server, where functions are made with views. No table changes.

Revision: 0019
After: 0018
"""

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Views and functions are made anew after every upgrade."""


def downgrade() -> None:
    """Views and functions are made anew after every downgrade, too."""
