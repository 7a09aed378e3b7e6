"""The console's pages of insights and of what people did with them."""
