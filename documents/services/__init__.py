"""What can be done with documents; the modules of this package hold the parts."""
