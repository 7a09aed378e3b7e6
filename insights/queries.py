"""Questions about insights, asked as the person inside the gate."""
