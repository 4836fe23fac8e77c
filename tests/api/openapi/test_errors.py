"""Every refusal and every failure is documented with its status."""

from __future__ import annotations

import pytest

from chat.api.openapi.document import document
from chat.generation.model_call import OutputTooLong
from chat.generation.runner import Interrupted
from chat.protocol.errors import ERRORS, REQUEST_ERRORS, RUN_FAILURES
from chat.providers.base import ProviderError
from tests.api.openapi.openapi import codes_of, operations


class TestErrors:
    def test_every_refusal_is_documented(self) -> None:
        documented = {
            (status, code)
            for _, _, operation in operations()
            for status, answer in operation["responses"].items()
            for code in codes_of(answer)
        }

        # `unknown_type` is about WebSocket frames.
        expected = {(str(kind.status), code) for code, kind in REQUEST_ERRORS.items() if code != "unknown_type"}
        assert expected <= documented

    @pytest.mark.parametrize("failure", [*ProviderError.__subclasses__(), ProviderError, OutputTooLong, Interrupted])
    def test_every_failure_of_a_run_is_documented(self, failure: type[ProviderError]) -> None:
        assert failure.code in RUN_FAILURES

    def test_every_failure_is_a_documented_response_of_wait(self) -> None:
        answers = document()["paths"]["/api/runs/wait"]["post"]["responses"]

        assert all(code in codes_of(answers[str(ERRORS[code].status)]) for code in RUN_FAILURES)

    @pytest.mark.parametrize("status", ["429", "503"])
    def test_retry_after_is_documented_for_retryable_statuses(self, status: str) -> None:
        found = [each["responses"][status] for _, _, each in operations() if status in each["responses"]]

        assert found
        assert all("Retry-After" in answer["headers"] for answer in found)
