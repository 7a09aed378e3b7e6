"""The figures of V1's metrics page, from check-ins."""
