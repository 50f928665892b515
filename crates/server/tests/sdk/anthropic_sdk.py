"""What an application does with Anthropic's SDK, whoever has the model: only base_url and api_key are ours.

Called with the names of scenarios; BASE_URL, API_KEY and MODEL say where, with what and whom to ask. An assertion
that fails is an exit status that is not 0.
"""

import os
import sys

import anthropic
from anthropic import Anthropic
from pydantic import BaseModel

MODEL = os.environ["MODEL"]
WORDS = "Hello from the fäke 🦀"
HELLO = [{"role": "user", "content": "hello"}]
TOOLS = [
    {
        "name": "weather",
        "description": "The weather in a city",
        "input_schema": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    }
]


class City(BaseModel):
    name: str
    inhabitants: int
    rivers: list[str]


def client(**options):
    options = {"api_key": os.environ["API_KEY"], "max_retries": 0, **options}
    return Anthropic(base_url=os.environ["BASE_URL"], **options)


def ask(messages, **more):
    more = {"max_tokens": 1000, **more}
    return client().messages.create(model=MODEL, messages=messages, **more)


def chats():
    cached = {"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}}
    # OpenAI's reasoning models know no stop sequences, which is a 400 and not dropped.
    stops = {} if "gpt-" in MODEL else {"stop_sequences": ["END"]}
    message = ask(HELLO, system=[cached], **stops)
    assert [block.text for block in message.content] == [WORDS], message
    assert message.stop_reason == "end_turn", message
    usage = message.usage
    assert (usage.input_tokens, usage.output_tokens) == (15, 5), usage
    assert usage.cache_read_input_tokens == 4, usage


def chats_with_a_token():
    bearer = client(api_key=None, auth_token=os.environ["API_KEY"])
    message = bearer.messages.create(model=MODEL, messages=HELLO, max_tokens=50)
    assert message.content[0].text == WORDS, message


def chats_in_a_stream():
    with client().messages.stream(model=MODEL, messages=HELLO, max_tokens=50) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()
    assert text == WORDS, message
    assert message.stop_reason == "end_turn", message
    assert message.usage.output_tokens == 5, message


def chats_with_a_tool():
    messages = [{"role": "user", "content": "the weather in Paris?"}]
    message = ask(messages, tools=TOOLS)
    assert message.stop_reason == "tool_use", message
    [call] = [block for block in message.content if block.type == "tool_use"]
    assert (call.name, call.input) == ("weather", {"city": "Paris"}), call

    result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
    messages.append({"role": "assistant", "content": message.content})
    messages.append({"role": "user", "content": [result]})
    message = ask(messages, tools=TOOLS)
    assert [block.text for block in message.content] == [WORDS], message
    assert message.stop_reason == "end_turn", message


def chats_with_two_tools_in_a_stream():
    messages = [{"role": "user", "content": "the weather in two cities?"}]
    more = {"model": MODEL, "tools": TOOLS, "max_tokens": 1000}
    with client().messages.stream(messages=messages, **more) as stream:
        message = stream.get_final_message()
    calls = [block for block in message.content if block.type == "tool_use"]
    assert [call.input["city"] for call in calls] == ["Paris", "Rome"], message
    assert message.stop_reason == "tool_use", message

    results = [
        {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"} for call in calls
    ]
    messages.append({"role": "assistant", "content": message.content})
    messages.append({"role": "user", "content": results})
    with client().messages.stream(messages=messages, **more) as stream:
        assert stream.get_final_text() == WORDS


def chats_by_a_schema():
    message = client().messages.parse(
        model=MODEL, messages=HELLO, max_tokens=1000, output_format=City
    )
    assert message.parsed_output.name == "Paris", message


def sees_pictures():
    png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
    source = {"type": "base64", "media_type": "image/png", "data": png}
    parts = [{"type": "image", "source": source}, {"type": "text", "text": "what is this?"}]
    message = ask([{"role": "user", "content": parts}])
    assert message.content[0].text == WORDS, message


def thinks():
    more = {"tools": TOOLS, "thinking": {"type": "enabled", "budget_tokens": 2000}}
    messages = [{"role": "user", "content": "the weather in Paris?"}]
    message = ask(messages, max_tokens=4000, **more)
    [call] = [block for block in message.content if block.type == "tool_use"]

    # The thoughts go back with the call, as they must.
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
    messages.append({"role": "assistant", "content": message.content})
    messages.append({"role": "user", "content": [result]})
    message = ask(messages, max_tokens=4000, **more)
    assert message.content[-1].text == WORDS, message
    assert message.usage.output_tokens == 8, message


def shows_thoughts():
    thinking = {"type": "enabled", "budget_tokens": 2000}
    message = ask(HELLO, max_tokens=4000, thinking=thinking)
    assert message.content[0].thinking == "They greet me.", message
    assert message.content[0].signature, message


def counts_tokens():
    counted = client().messages.count_tokens(model=MODEL, messages=HELLO)
    # The provider's own count, or our estimate where it has none.
    assert 0 < counted.input_tokens < 100, counted


def lists_models():
    ids = [model.id for model in client().models.list()]
    assert any("claude-sonnet-5" in id for id in ids), ids


def raises(kind, ask):
    try:
        ask()
    except kind as error:
        assert error.body["type"] == "error", error.body
        assert error.body["error"]["message"], error.body
        return error
    raise AssertionError(f"no {kind.__name__}")


def is_told_of_a_bad_key():
    more = {"model": MODEL, "messages": HELLO}
    for wrong in (
        {"api_key": "ks_not-ours"},
        {"api_key": None, "auth_token": "ks_not-ours"},
    ):
        create = lambda: client(**wrong).messages.create(max_tokens=50, **more)
        raises(anthropic.AuthenticationError, create)
        count = lambda: client(**wrong).messages.count_tokens(**more)
        raises(anthropic.AuthenticationError, count)


def is_told_of_an_unknown_model():
    for model in ("no-such-model", MODEL.split("/")[0] + "/no-such-model"):
        more = {"model": model, "messages": HELLO, "max_tokens": 50}
        raises(anthropic.NotFoundError, lambda: client().messages.create(**more))
        raises(
            anthropic.NotFoundError,
            lambda: list(client().messages.create(stream=True, **more)),
        )


def is_told_of_a_bad_request():
    wishes = {"routing": {"only_byok": "perhaps"}}
    raises(anthropic.BadRequestError, lambda: ask(HELLO, extra_body=wishes))


if __name__ == "__main__":
    for scenario in sys.argv[1:]:
        print(scenario, flush=True)
        globals()[scenario]()
