import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from config import openapi

FOLDER = Path(settings.ROOT) / "docs" / "reference"


class Command(BaseCommand):
    help = "Write the OpenAPI documents of both versions to docs/reference/."

    def handle(self, **_options: Any) -> None:
        FOLDER.mkdir(parents=True, exist_ok=True)
        for name, document in openapi.documents().items():
            file = FOLDER / f"openapi-{name}.json"
            file.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
            self.stdout.write(f"docs/reference/{file.name}: {len(document['paths'])} paths")
