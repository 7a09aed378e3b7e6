"""Where each column of the old tables goes."""
