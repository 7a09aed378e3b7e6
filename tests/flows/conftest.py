from tests.browser import browsing, chromium, live_console, page, web_url

__all__ = ["browsing", "chromium", "live_console", "page", "web_url"]
