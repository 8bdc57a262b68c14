"""Usage by quarters of an hour and by days, in views that all other totals read. No table changes.

Revision: 0012
After: 0011
"""

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Views are made anew after every upgrade."""


def downgrade() -> None:
    """Views are made anew after every downgrade, too."""
