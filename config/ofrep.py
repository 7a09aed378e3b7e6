"""Every path of the OpenFeature Remote Evaluation Protocol, one line each."""

from django.urls import path, register_converter
from django.urls.converters import PathConverter

from flags.api import ofrep


class FlagKey(PathConverter):
    """Any text: clients send keys as they are, with slashes, and even none at all."""

    regex = "(?s:.*)"


register_converter(FlagKey, "flag")

urlpatterns = [
    path("evaluate/flags", ofrep.Evaluations.as_view()),
    path("evaluate/flags/<flag:key>", ofrep.Evaluation.as_view()),
]
