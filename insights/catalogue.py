"""Every text of every insight, and the human labels of what the forms call things."""
