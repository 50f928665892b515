"""What an application does with OpenAI's SDK, whoever has the model: only base_url and api_key are ours.

Called with the names of scenarios; BASE_URL, API_KEY and MODEL say where, with what and whom to ask. An assertion
that fails is an exit status that is not 0.
"""

import json
import os
import sys

import openai
from openai import OpenAI
from pydantic import BaseModel

MODEL = os.environ["MODEL"]
WORDS = "Hello from the fäke 🦀"
HELLO = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "hello"}]
WEATHER = {
    "name": "weather",
    "description": "The weather in a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}
TOOLS = [{"type": "function", "function": WEATHER}]


class City(BaseModel):
    name: str
    inhabitants: int
    rivers: list[str]


def client(**options):
    options = {"api_key": os.environ["API_KEY"], "max_retries": 0, **options}
    return OpenAI(base_url=os.environ["BASE_URL"], **options)


def chat(messages, **more):
    return client().chat.completions.create(model=MODEL, messages=messages, **more)


def chats():
    completion = chat(HELLO, max_completion_tokens=50, temperature=0.5)
    assert completion.choices[0].message.content == WORDS, completion
    assert completion.choices[0].finish_reason == "stop", completion
    usage = completion.usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (19, 5), usage
    assert usage.prompt_tokens_details.cached_tokens == 4, usage


def chats_in_a_stream():
    chunks = list(chat(HELLO, stream=True, stream_options={"include_usage": True}))
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert "".join(choice.delta.content or "" for choice in choices) == WORDS, chunks
    assert choices[-1].finish_reason == "stop", chunks
    assert chunks[-1].choices == [], chunks[-1]
    assert chunks[-1].usage.total_tokens == 24, chunks[-1]


def chats_with_a_tool():
    messages = [{"role": "user", "content": "the weather in Paris?"}]
    choice = chat(messages, tools=TOOLS).choices[0]
    assert choice.finish_reason == "tool_calls", choice
    [call] = choice.message.tool_calls
    assert call.function.name == "weather", call
    assert json.loads(call.function.arguments) == {"city": "Paris"}, call

    # As most applications do it: all that came goes back.
    messages.append(choice.message.model_dump(exclude_none=True))
    messages.append({"role": "tool", "tool_call_id": call.id, "content": "sunny"})
    choice = chat(messages, tools=TOOLS).choices[0]
    assert choice.message.content == WORDS, choice
    assert choice.finish_reason == "stop", choice


def chats_with_two_tools_in_a_stream():
    messages = [{"role": "user", "content": "the weather in two cities?"}]
    with client().chat.completions.stream(
        model=MODEL, messages=messages, tools=TOOLS
    ) as stream:
        message = stream.get_final_completion().choices[0].message
    calls = [json.loads(call.function.arguments) for call in message.tool_calls]
    assert calls == [{"city": "Paris"}, {"city": "Rome"}], message
    assert len({call.id for call in message.tool_calls}) == 2, message

    # As some do it: what the dialect does not name is lost.
    kept = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.function.name, "arguments": call.function.arguments},
        }
        for call in message.tool_calls
    ]
    messages.append({"role": "assistant", "tool_calls": kept})
    for call in message.tool_calls:
        messages.append({"role": "tool", "tool_call_id": call.id, "content": "sunny"})
    assert chat(messages, tools=TOOLS).choices[0].message.content == WORDS


def chats_by_a_schema():
    completion = client().chat.completions.parse(
        model=MODEL, messages=HELLO, response_format=City
    )
    city = completion.choices[0].message.parsed
    assert city == City(name="Paris", inhabitants=21, rivers=["Paris"]), completion


def sees_pictures():
    png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
    picture = {"url": f"data:image/png;base64,{png}"}
    parts = [
        {"type": "text", "text": "what is this?"},
        {"type": "image_url", "image_url": picture},
    ]
    completion = chat([{"role": "user", "content": parts}])
    assert completion.choices[0].message.content == WORDS, completion


def thinks():
    completion = chat(HELLO, reasoning_effort="high", max_completion_tokens=20000)
    assert completion.choices[0].message.content == WORDS, completion
    # Three tokens of thought and five of words, whoever counts them apart.
    assert completion.usage.completion_tokens == 8, completion


def responds():
    response = client().responses.create(
        model=MODEL, instructions="Be kind.", input="hello", store=False
    )
    assert response.status == "completed", response
    assert response.output_text == WORDS, response
    usage = response.usage
    assert (usage.input_tokens, usage.output_tokens) == (19, 5), usage
    assert usage.input_tokens_details.cached_tokens == 4, usage


def responds_in_a_stream():
    kinds, text = [], ""
    with client().responses.stream(model=MODEL, input="hello", store=False) as stream:
        for event in stream:
            kinds.append(event.type)
            if event.type == "response.output_text.delta":
                text += event.delta
        response = stream.get_final_response()
    assert text == WORDS, kinds
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed", kinds
    assert response.output_text == WORDS, response
    assert response.usage.total_tokens == 24, response


def responds_with_two_tools():
    tools = [{"type": "function", "strict": True, **WEATHER}]
    items = [{"role": "user", "content": "the weather in two cities?"}]
    ask = lambda: client().responses.create(
        model=MODEL,
        input=items,
        tools=tools,
        store=False,
        include=["reasoning.encrypted_content"],
    )
    response = ask()
    calls = [item for item in response.output if item.type == "function_call"]
    cities = [json.loads(call.arguments)["city"] for call in calls]
    assert cities == ["Paris", "Rome"], response

    items += [item.model_dump(exclude_none=True) for item in response.output]
    for call in calls:
        result = {"call_id": call.call_id, "output": "sunny"}
        items.append({"type": "function_call_output", **result})
    assert ask().output_text == WORDS


def responds_with_a_tool_in_a_stream():
    tools = [{"type": "function", "strict": True, **WEATHER}]
    with client().responses.stream(
        model=MODEL, input="the weather?", tools=tools, store=False
    ) as stream:
        response = stream.get_final_response()
    [call] = [item for item in response.output if item.type == "function_call"]
    assert json.loads(call.arguments) == {"city": "Paris"}, response


def responds_by_a_schema():
    response = client().responses.parse(
        model=MODEL, input="hello", text_format=City, store=False
    )
    assert response.output_parsed.name == "Paris", response


def embeds():
    model = os.environ["EMBEDDING_MODEL"]
    answer = client().embeddings.create(model=model, input=["a", "b"])
    vectors = [item.embedding for item in answer.data]
    assert vectors == [[0.5, -0.25] * 4] * 2, vectors
    assert answer.usage.prompt_tokens == 19, answer


def completes_text():
    completion = client().completions.create(model=MODEL, prompt="hello")
    assert completion.choices[0].text == WORDS, completion
    stream = client().completions.create(model=MODEL, prompt="hello", stream=True)
    assert "".join(chunk.choices[0].text for chunk in stream) == WORDS


def moderates():
    model = "openai/omni-moderation-latest"
    answer = client().moderations.create(model=model, input=["a", "b"])
    assert [result.flagged for result in answer.results] == [False, False], answer


def draws():
    model = "openai/gpt-image-1"
    answer = client().images.generate(model=model, prompt="a key", n=2)
    assert len(answer.data) == 2 and answer.data[0].b64_json, answer
    assert answer.usage.output_tokens == 544, answer


def speaks():
    model = "openai/gpt-4o-mini-tts"
    answer = client().audio.speech.create(model=model, voice="alloy", input="hello")
    sound = answer.read()
    assert sound.startswith(b"ID3\x04\x00\xff\xfb") and sound.endswith(b"\x00"), sound


def transcribes():
    model = "openai/gpt-4o-mini-transcribe"
    file = ("hello.wav", b"RIFF\xff\xfe\r\n--", "audio/wav")
    answer = client().audio.transcriptions.create(model=model, file=file)
    assert answer.text == WORDS, answer


def raises(kind, ask):
    try:
        ask()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def is_told_of_a_bad_key():
    stranger = lambda: client(api_key="ks_not-ours")
    for ask in (
        lambda: stranger().chat.completions.create(model=MODEL, messages=HELLO),
        lambda: stranger().responses.create(model=MODEL, input="hello"),
        lambda: stranger().embeddings.create(model=MODEL, input="hello"),
    ):
        assert raises(openai.AuthenticationError, ask).code == "invalid_api_key"


def is_told_of_an_unknown_model():
    for model in ("no-such-model", MODEL.split("/")[0] + "/no-such-model"):
        messages = {"model": model, "messages": HELLO}
        for ask in (
            lambda: client().chat.completions.create(**messages),
            lambda: client().chat.completions.create(stream=True, **messages),
            lambda: client().responses.create(model=model, input="hello"),
        ):
            raises(openai.NotFoundError, ask)


def is_told_of_a_bad_request():
    ask = lambda: chat(HELLO, extra_body={"routing": {"only_byok": "perhaps"}})
    raises(openai.BadRequestError, ask)


def is_told_what_its_model_cannot():
    error = raises(openai.BadRequestError, lambda: chat(HELLO, n=2))
    assert error.param == "n", error


if __name__ == "__main__":
    for scenario in sys.argv[1:]:
        print(scenario, flush=True)
        globals()[scenario]()
