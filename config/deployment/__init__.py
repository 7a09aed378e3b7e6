"""What `manage.py verify_deployment` asks a running server, over HTTP alone."""
