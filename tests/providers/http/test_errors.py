"""Quoted server errors: the key is removed, and the rest of the text stays intact."""

from __future__ import annotations

import base64
import json
import re
from email.utils import formatdate
from time import time
from typing import Any
from urllib.parse import quote, quote_plus

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.providers.base import ProviderError
from chat.providers.http.errors import (
    from_status,
    is_too_long,
    mentions,
    reported,
    retry_after,
)
from chat.providers.http.quotes import without_secret

KEY = "gw/key+for=our &site"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


FORMS = [
    KEY, KEY.upper(), f"Bearer {KEY}", quote(KEY), quote(KEY, safe=""), quote_plus(KEY), quote(f"Bearer {KEY}"),
    KEY.encode().hex(), b64(KEY), b64(f"Bearer {KEY}"), b64(f":{KEY}"), b64(f"user:{KEY}:x"),
    b64(f"ab{KEY}cd").rstrip("="),
    base64.urlsafe_b64encode(f"a{KEY}".encode()).decode(),
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_the_key_is_quoted_in_no_form(form: str) -> None:
    said = reported({"message": f"Wrong key {form}, sorry", "type": "odd"}, secret=KEY).message

    assert "Wrong key" in said
    assert "sorry" in said
    for known in (*FORMS, "site"):
        assert known not in said


def test_a_key_not_named_as_such_is_quoted() -> None:
    """Control: if it is not known to be the key, it is quoted."""
    assert KEY in reported({"message": f"Wrong key {KEY}, sorry"}).message


@pytest.mark.parametrize("secret", ["a", "none", "EMPTY", "the", "abc1", "1234567"])
@pytest.mark.parametrize(
    "words",
    ["There is a model for the none at all, the empty one.", "key: abc1, 'none', \"EMPTY\"", "banana-a a_a 1234567."],
)
def test_a_key_that_is_too_short_is_not_removed_from_texts(secret: str, words: str) -> None:
    assert without_secret(words, secret) == words


def test_a_key_of_eight_characters_is_one() -> None:
    assert without_secret("the key 12345678.", "12345678") == "the key […]."


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("5" * 5_000) | st.just("²"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["code", "type", "message", "param", "detail", "error"]), inner, max_size=4)
    ),
)


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(JSON, st.integers(300, 599), st.text(max_size=12))
def test_an_error_of_any_shape_is_a_provider_error(body: Any, status: int, secret: str) -> None:
    response = httpx2.Response(status, content=json.dumps(body).encode())

    for refused in (reported(body, secret=secret), from_status(response, secret=secret)):
        assert isinstance(refused, ProviderError)
        assert len(refused.message) < 500
        refused.message.encode()
    assert is_too_long(response) in (True, False)
    assert mentions(response, "max_tokens") in (True, False)


DAY = 24 * 3600.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0), ({"retry-after": " 7 "}, 7.0), ({"retry-after": "0"}, 0.0),
        ({"retry-after": "-1"}, None), ({"retry-after": "2.5"}, 2.5), ({"retry-after": "86401"}, DAY),
        # Neither a number of seconds (RFC 9110, section 10.2.3) nor a date: ignored.
        ({"retry-after": "1e999"}, None), ({"retry-after": "inf"}, None), ({"retry-after": "-inf"}, None),
        ({"retry-after": "1e3"}, None), ({"retry-after": "1_0"}, None), ({"retry-after": "٣"}, None),
        ({"retry-after": "+7"}, None), ({"retry-after": "0x7"}, None), ({"retry-after": "7, 8"}, None),
        ({"retry-after": "nan"}, None), ({"retry-after": "9" * 5_000}, DAY),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None), ({"retry-after-ms": "2500"}, 2.5),
        ({"retry-after-ms": "x", "retry-after": "3"}, 3.0),
        ({"retry-after-ms": "nan", "retry-after": "3"}, 3.0), ({"retry-after-ms": "1e300"}, None), ({}, None),
        ({"retry-after-ms": "1e999", "retry-after": "3"}, 3.0), ({"retry-after-ms": "9" * 5_000}, DAY),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, DAY),
        ({"retry-after": "Mon, 01 Jan 0001 00:00:00 GMT"}, 0.0),
        ({"retry-after": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"}, None),
        ({"retry-after": "Mon, 01 Jan 2024 99:99:99 GMT"}, None),
        ({"retry-after": "Mon, 01 Jan 2024 00:00:00 +9999"}, None),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:37"}, 0.0),
        ({"retry-after": formatdate(time() + 10**6, usegmt=True)}, DAY),
    ],
)  # fmt: skip
def test_the_time_to_wait_is_between_nothing_and_a_day(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


@settings(max_examples=500, deadline=None, derandomize=True, database=None)
@given(st.text(max_size=40) | st.floats().map(str) | st.integers().map(str))
def test_any_retry_after_header_is_a_valid_time_or_none(value: str) -> None:
    for name in ("retry-after", "retry-after-ms"):
        seconds = retry_after({name: value})
        assert seconds is None or 0 <= seconds <= DAY


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -1.0])
def test_an_invalid_retry_after_is_dropped(seconds: float) -> None:
    assert ProviderError("x", retry_after=seconds).retry_after is None


def refusal(status: int, body: str, **headers: str) -> httpx2.Response:
    return httpx2.Response(status, content=body.encode(), headers=headers)


def refused(status: int, body: str, **headers: str) -> ProviderError:
    return from_status(refusal(status, body, **headers), secret=KEY)


def said(message: str, **more: Any) -> str:
    return json.dumps({"error": {"message": message, **more}})


PAGE = "<!DOCTYPE html><html><title>Just a moment...</title></html>"


@pytest.mark.parametrize(
    ("status", "body", "code", "says", "retryable"),
    [
        # 402 and 403 can mean many things.
        (402, said("Insufficient credits. Add more."), "quota_exceeded", "Insufficient credits", False),
        (402, "", "quota_exceeded", "no quota left", False),
        (403, said("You have no credits left."), "quota_exceeded", "no credits left", False),
        (403, said("Your input was flagged", metadata={"reasons": ["violence"]}),
         "provider_error", "content filter.*violence", False),
        (403, PAGE, "provider_error", "firewall or proxy.*web page", False),
        (403, said("Country, region, or territory not supported"), "provider_error", "territory not supported", False),
        (403, said("Project does not have access to model m"),
         "provider_error", "does not have access to model m", False),
        (403, said("This API key was disabled for your region"), "authentication_failed", "was disabled", False),
        (403, "", "authentication_failed", "rejected this site's API key", False),
        (401, said("Invalid Authentication"), "authentication_failed", "Invalid Authentication", False),
        (400, said("API key expired. Please renew the API key."), "authentication_failed", "API key expired", False),
        (400, said("Arrearage: overdue", code="Arrearage"), "quota_exceeded", "overdue", False),
        # Over a rate limit, a size limit or the quota.
        (429, said("Request too large for m on tokens per minute (TPM): Limit 1"), "provider_error", "plan", False),
        (413, said("Request too large for m on tokens per minute (TPM): Limit 1"), "provider_error", "plan", False),
        (413, said("Payload too big"), "provider_error", "too long for this model.*Payload too big", False),
        (429, said("You exceeded your current quota"), "quota_exceeded", "exceeded your current quota", False),
        # Too long.
        (400, said("prompt is too long: 9 tokens > 8 maximum"),
         "provider_error", "too long for this model.*9 tokens", False),
        (500, said("the request exceeds the available context size"),
         "provider_error", "too long for this model", False),
        (400, said("x", type="exceed_context_size_error"), "provider_error", "too long for this model", False),
        # The server's own message, wherever it is in the body.
        (400, '{"detail":[{"loc":["body","top_k"],"msg":"must be positive"}]}',
         "provider_error", "body.top_k: must be positive", False),
        (422, '{"detail":"Template not found"}', "provider_error", "Template not found", False),
        (400, '[{"error":{"code":400,"message":"Bad role"}}]', "provider_error", "Bad role", False),
        (400, '{"message":{"detail":[{"msg":"Bad role"}]}}', "provider_error", "Bad role", False),
        (400, said("Provider returned error", metadata={"raw": '{"error":{"message":"Bad role"}}'}),
         "provider_error", "Bad role", False),
        (400, "Bad role", "provider_error", "Bad role", False),
        (500, said("CUDA error"), "provider_unavailable", "status 500.*CUDA error", True),
        (503, '{"title":"Cold start","detail":"Loading"}', "provider_unavailable", "Cold start", True),
        (504, said("upstream timed out"), "timeout", "upstream timed out", True),
        (404, said("model x not found"), "provider_error", "does not know this model.*x not found", False),
        # Not retryable: the same request would fail again.
        (500, said("Conversation roles must alternate user/assistant"),
         "provider_unavailable", "must alternate", False),
        (501, said("Nope"), "provider_unavailable", "Nope", False),
        (500, said("model requires more system memory (5 GiB)"), "provider_unavailable", "more system memory", False),
    ],
)  # fmt: skip
def test_a_refusal_is_classified_by_its_message(status: int, body: str, code: str, says: str, retryable: bool) -> None:
    error = refused(status, body)

    assert (error.code, error.retryable) == (code, retryable)
    assert re.search(says, error.message), error.message


@pytest.mark.parametrize(
    ("status", "body", "code", "says"),
    [
        # Zhipu: docs.bigmodel.cn, "错误码".
        (429, said("您的账户已欠费，请充值后重试。", code="1113"), "quota_exceeded", "no quota left.*欠费"),
        (429, said("余额不足或无可用资源包,请充值。", code="1113"), "quota_exceeded", "no quota left.*余额不足"),
        (429, said("您的 GLM Coding Plan 套餐已到期，暂无法使用", code="1309"),
         "quota_exceeded", "no quota left.*到期"),
        (429, said("您的企业套餐已失效，请联系企业管理员。", code="1314"), "quota_exceeded", "no quota left.*失效"),
        (200, said("您的账户已欠费，请充值后重试。", code="1113"), "quota_exceeded", "no quota left.*欠费"),
        (400, said("系统检测到输入或生成内容可能包含不安全或敏感内容", code="1301"),
         "provider_error", "content filter.*不安全或敏感"),
        (400, said("Prompt 超长", code="1261"), "provider_error", "too long for this model.*超长"),
        (400, said("模型不存在，请检查模型代码", code="1211"),
         "provider_error", "does not know this model.*模型不存在"),
        # The same in English: docs.z.ai.
        (429, said("Your account is in arrears, please recharge and try again", code="1113"),
         "quota_exceeded", "no quota left.*arrears"),
        # DashScope: help.aliyun.com, "错误信息".
        (400, said("<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 983616]",
                   code="invalid_parameter_error"), "provider_error", "too long for this model.*983616"),
        (400, said("Total message token length exceed model limit (10000000 tokens)."),
         "provider_error", "too long for this model.*10000000"),
        (400, said("<400> InternalError.Algo.DataInspectionFailed: Output data may contain inappropriate content.",
                   code="data_inspection_failed"), "provider_error", "content filter.*inappropriate"),
        (400, said("内容安全警告：输入数据可能包含不适当的内容！"), "provider_error", "content filter.*不适当"),
        (400, said("Model not exist.", code="InvalidParameter"), "provider_error", "does not know this model"),
        # DeepSeek.
        (400, said("Content Exists Risk", code="invalid_request_error"), "provider_error", "content filter.*Risk"),
        (400, said("Model Not Exist", code="invalid_request_error"), "provider_error", "does not know this model"),
        # Moonshot: platform.kimi.com, "错误说明".
        (429, said("Your account is suspended", type="exceeded_current_quota_error"),
         "quota_exceeded", "no quota left.*suspended"),
        (400, said("The request was rejected because it was considered high risk"),
         "provider_error", "content filter.*high risk"),
        (400, said("Input token length too long", type="invalid_request_error"),
         "provider_error", "too long for this model.*length too long"),
        (400, said("Your request exceeded model token limit : 8192", type="invalid_request_error"),
         "provider_error", "too long for this model.*8192"),
        # SiliconFlow.
        (403, '{"code":30001,"message":"Sorry, your account balance is insufficient","data":null}',
         "quota_exceeded", "no quota left.*insufficient"),
        (400, '{"code":20012,"message":"Model does not exist. Please check it carefully.","data":null}',
         "provider_error", "does not know this model.*carefully"),
        (400, '{"code":20015,"message":"length of prompt_tokens (9) must be less than max_seq_len (8).","data":null}',
         "provider_error", "too long for this model.*max_seq_len"),
    ],
)  # fmt: skip
def test_a_chinese_provider_is_understood(status: int, body: str, code: str, says: str) -> None:
    error = reported(json.loads(body)) if status == 200 else refused(status, body)

    assert (error.code, error.retryable) == (code, False)
    assert re.search(says, error.message), error.message


@pytest.mark.parametrize(
    "message",
    [
        "您的账户已达到速率限制，请您控制请求频率",
        "该模型当前访问量过大，请您稍后再试",
        "已达到 5 小时使用上限。主账号余额不足，无法使用超额按量付费。您的限额将在 2026-03-01 12:00:00 重置。",
    ],
)
def test_rate_limits_in_chinese_are_retryable(message: str) -> None:
    assert refused(429, said(message)).code == "rate_limited"


def test_a_field_that_is_refused_in_chinese_is_left_out() -> None:
    assert mentions(refusal(400, said("stream_options 参数非法。请检查文档", code="1214")), "stream_options")
    assert not mentions(refusal(400, said("未正常接收到 stream_options 参数", code="1213")), "stream_options")


def test_a_web_page_is_not_quoted_and_a_status_in_brackets_is() -> None:
    assert refused(400, said("<html>x</html>")).message == refused(400, "<!DOCTYPE html>").message
    assert "<400> Bad role" in refused(400, said("<400> Bad role")).message


def test_a_short_quota_delay_is_a_rate_limit() -> None:
    """Gemini sends the delay in the body."""
    delay = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}
    error = refused(429, json.dumps([{"error": {"message": "You exceeded your current quota", "details": [delay]}}]))

    assert (error.code, error.retry_after) == ("rate_limited", 34.5)


def test_a_header_says_better_how_long_to_wait() -> None:
    assert refused(429, said("x", retry_after=9), **{"retry-after": "5"}).retry_after == 5.0


DEEP = "[" * 5_000 + "]" * 5_000


@pytest.mark.parametrize(
    "body", [DEEP, '{"error":' * 5_000 + "1" + "}" * 5_000, said(DEEP), said("x" * 60_000), "\xff\0"]
)
def test_a_body_of_any_depth_and_length_gives_a_short_message(body: str) -> None:
    assert len(refused(400, body).message) < 500
