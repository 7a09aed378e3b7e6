from django.contrib.admin import AdminSite


class Console(AdminSite):
    """The Django admin under our own name and look (templates/admin/)."""

    site_title = "Novara console"
    site_header = "Novara console"
    index_title = "Overview"
    enable_nav_sidebar = True
