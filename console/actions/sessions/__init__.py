"""Sessions: cancelled and terminated."""
