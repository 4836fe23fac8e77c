"""The schema is valid and public, and so is the page generated from it."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from chat.api.openapi.document import document
from chat.api.openapi.events import EVENTS
from chat.protocol.errors import ERRORS
from tests.api.openapi.openapi import PUBLIC, operations


class TestSchema:
    def test_it_is_valid_openapi(self) -> None:
        OpenAPIV31SpecValidator(document()).validate()

    def test_its_schemas_are_valid_json_schema(self) -> None:
        for schema in document()["components"]["schemas"].values():
            Draft202012Validator.check_schema(schema)

    def test_the_schema_is_public(self, client: Client) -> None:
        response = client.get("/api/openapi.json")

        assert response.status_code == 200
        assert response["Content-Type"] == "application/json"
        assert response.json() == document()

    def test_every_reference_resolves(self) -> None:
        text = json.dumps(document())
        names = set(re.findall(r'"#/components/schemas/(\w+)"', text))

        assert names <= set(document()["components"]["schemas"])
        assert set(re.findall(r'"\$ref": "([^"]*)"', text)) == {f"#/components/schemas/{name}" for name in names}

    def test_every_link_names_a_call_and_its_parameters(self) -> None:
        items = document()["paths"].values()
        parameters = {
            operation["operationId"]: {each["name"] for each in item.get("parameters", [])}
            for item in items
            for method, operation in item.items()
            if method != "parameters"
        }
        links = [
            link
            for _, _, operation in operations()
            for answer in operation["responses"].values()
            for link in answer.get("links", {}).values()
        ]

        assert links
        assert all(set(link["parameters"]) <= parameters[link["operationId"]] for link in links)


class TestPage:
    def test_the_page_is_public(self, client: Client) -> None:
        response = client.get("/api/docs")

        assert response.status_code == 200
        assert response["Content-Type"].startswith("text/html")

    def test_it_shows_every_call_code_and_event(self, client: Client) -> None:
        html = client.get("/api/docs").content.decode()

        for path, _, operation in operations():
            assert f'id="{operation["operationId"]}"' in html
            assert f"<code>{path}</code>" in html
        assert all(f'id="code-{code}"' in html for code in ERRORS)
        assert all(f"<code>{event}</code>" in html for event in EVENTS)

    def test_every_internal_link_resolves(self, client: Client) -> None:
        html = client.get("/api/docs").content.decode()
        ids = re.findall(r'\bid="([^"]+)"', html)

        assert set(re.findall(r'href="#([^"]*)"', html)) <= set(ids)
        assert len(ids) == len(set(ids))

    def test_it_loads_nothing_from_other_hosts(self, client: Client) -> None:
        html = client.get("/api/docs").content.decode()

        assert not re.search(r"https?:|[\"'(=]\s*//", html)

    def test_the_page_needs_no_exception_from_the_csp(self, client: Client) -> None:
        response = client.get("/api/docs")
        html = response.content.decode()

        assert "<style" not in html
        assert "<script" not in html
        assert not re.search(r"\s(style|on\w+)=", html)
        assert "unsafe" not in response["Content-Security-Policy"]
        assert "sha256" not in response["Content-Security-Policy"]

    def test_text_of_the_schema_is_escaped(self, client: Client) -> None:
        html = client.get("/api/docs").content.decode()

        assert "&lt;run id&gt;:&lt;cursor&gt;" in html


class TestMethods:
    @pytest.mark.parametrize("path", sorted(PUBLIC))
    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
    def test_only_get_and_head_are_allowed(self, client: Client, path: str, method: str) -> None:
        response = client.generic(method, path)

        assert response.status_code == 405
        assert response["Allow"] == "GET, HEAD"

    @pytest.mark.parametrize("path", sorted(PUBLIC))
    def test_head_equals_get_without_the_body(self, client: Client, path: str) -> None:
        response = client.head(path)

        assert response.status_code == 200
        assert response.content == b""
