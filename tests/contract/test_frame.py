"""The frame around every request: probes, unknown paths, request ids, the docs page."""

import json


def test_is_live_and_ready(db, nobody):
    assert nobody.call("GET", "/livez").json() == {"status": "ok"}
    ready = nobody.call("GET", "/readyz")
    assert ready.status_code == 200
    assert ready.json()["checks"] == dict.fromkeys(("database", "broker", "document_storage"), "ok")


def test_says_in_each_versions_words_that_a_path_is_unknown(nobody):
    v1 = nobody.call("GET", "/api/nothing")
    v2 = nobody.call("GET", "/api/v2/nothing")

    assert v1.status_code == v2.status_code == 404
    assert v1.json() == {"success": False, "error": "Endpoint not found", "path": "/api/nothing"}
    assert v2["Content-Type"] == "application/problem+json"
    assert v2.json()["code"] == "not-found"


def test_refuses_wrong_methods_in_each_versions_words(as_alice):
    v1 = as_alice.call("PATCH", "/api/checkins")
    v2 = as_alice.call("DELETE", "/api/v2/health/timeline")

    assert v1.status_code == v2.status_code == 405
    assert v1.json()["success"] is False
    assert v2.json()["code"] == "method-not-allowed"


def test_takes_a_plain_request_id_and_makes_one_otherwise(nobody):
    kept = nobody.call("GET", "/livez", x_request_id="abc-12345678")
    made = nobody.call("GET", "/livez", x_request_id="bad id\twith spaces")

    assert kept["X-Request-ID"] == "abc-12345678"
    assert len(made["X-Request-ID"]) == 32


def test_is_compact_in_version_1(db, nobody):
    answer = nobody.call("POST", "/api/auth/logout")

    assert answer.content == b'{"success":true,"message":"Logged out successfully"}'
    assert answer["Deprecation"].startswith("@")
    assert answer["Sunset"].endswith("GMT")


def test_serves_the_docs_page_without_the_network(nobody):
    page = nobody.call("GET", "/api/docs").content.decode()
    document = json.loads(nobody.call("GET", "/api/openapi-v2.json").content)

    assert "http://" not in page
    assert "https://" not in page
    assert "/api/v2/health/events" in document["paths"]
    assert nobody.call("GET", "/api/openapi-v9.json").status_code == 404


def test_logs_the_route_and_never_the_query(as_alice, caplog):
    as_alice.call("GET", "/api/v2/health/timeline?cursor=secret-words")

    (line,) = [record for record in caplog.records if record.name == "novara.requests"]
    assert vars(line)["route"] == "api/v2/health/timeline"
    assert "secret-words" not in str(vars(line))
