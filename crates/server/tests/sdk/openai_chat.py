"""What an application does with the official SDK: only base_url and api_key are ours.

Called with the name of a scenario; BASE_URL and API_KEY say where and with what. An
assertion that fails is an exit status that is not 0.
"""

import os
import sys

import openai
from openai import OpenAI

MODEL = "openai/gpt-5.4-mini"
MESSAGES = [{"role": "user", "content": "hello"}]


def client(**options):
    return OpenAI(
        base_url=os.environ["BASE_URL"], api_key=os.environ["API_KEY"], **options
    )


def completes():
    completion = client().chat.completions.create(model=MODEL, messages=MESSAGES)
    assert completion.choices[0].message.content == "Hello from the fäke 🦀", completion
    assert completion.choices[0].finish_reason == "stop", completion
    assert completion.usage.prompt_tokens == 19, completion
    assert completion.usage.prompt_tokens_details.cached_tokens == 4, completion


def streams():
    stream = client().chat.completions.create(
        model=MODEL, messages=MESSAGES, stream=True
    )
    chunks = list(stream)
    # Nobody asked for usage, so every chunk has its choice.
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == "Hello from the fäke 🦀", text
    assert chunks[-1].choices[0].finish_reason == "stop", chunks[-1]
    assert all(chunk.usage is None for chunk in chunks), chunks


def streams_with_usage():
    stream = client().chat.completions.create(
        model=MODEL,
        messages=MESSAGES,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    assert chunks[-1].choices == [], chunks[-1]
    assert chunks[-1].usage.completion_tokens == 5, chunks[-1]


def lists_models():
    ids = [model.id for model in client().models.list()]
    assert MODEL in ids, ids


def sees_unknown_fields():
    completion = client().chat.completions.create(model=MODEL, messages=MESSAGES)
    assert completion.model_extra["x_unknown"] == {"kept": True}, completion
    stream = client().chat.completions.create(
        model=MODEL, messages=MESSAGES, stream=True
    )
    for chunk in stream:
        assert chunk.model_extra["x_unknown"] == {"kept": True}, chunk


def sends_unknown_fields():
    client().chat.completions.create(
        model=MODEL,
        messages=MESSAGES,
        extra_body={"x_new": {"b": 1, "a": []}, "temperature": 0.5},
        extra_headers={"x-of-the-application": "yes"},
    )


def is_told_of_a_bad_key():
    try:
        client().chat.completions.create(model=MODEL, messages=MESSAGES)
    except openai.AuthenticationError as error:
        assert error.status_code == 401, error
        assert error.code == "invalid_api_key", error
        assert error.type == "authentication_error", error
        return
    raise AssertionError("no AuthenticationError")


def is_told_of_an_unknown_model():
    try:
        client().chat.completions.create(model="no-such-model", messages=MESSAGES)
    except openai.NotFoundError as error:
        assert error.code == "model_not_found", error
        assert "no-such-model" in error.message, error
        return
    raise AssertionError("no NotFoundError")


def is_told_of_a_stream_that_breaks():
    stream = client().chat.completions.create(
        model=MODEL, messages=MESSAGES, stream=True
    )
    seen = 0
    try:
        for _ in stream:
            seen += 1
    except openai.APIError as error:
        assert seen > 0, "what came before the break was lost"
        assert error.code, error
        return
    raise AssertionError(f"a broken stream passed for a whole one, after {seen} chunks")


def is_told_of_the_providers_rate_limit():
    try:
        client(max_retries=0).chat.completions.create(model=MODEL, messages=MESSAGES)
    except openai.RateLimitError as error:
        assert error.code == "upstream_rate_limited", error
        assert int(error.response.headers["retry-after"]) >= 1, error.response.headers
        return
    raise AssertionError("no RateLimitError")


if __name__ == "__main__":
    globals()[sys.argv[1]]()
