"""What an application does with Google's SDK, whoever has the model: only base_url and api_key are ours.

Called with the names of scenarios; BASE_URL, API_KEY and MODEL say where, with what and whom to ask. An assertion
that fails is an exit status that is not 0.
"""

import functools
import os
import sys

from google import genai
from google.genai import errors, types
from pydantic import BaseModel

MODEL = os.environ["MODEL"]
WORDS = "Hello from the fäke 🦀"
WEATHER = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="weather",
            description="The weather in a city",
            parameters_json_schema={
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        )
    ]
)


class City(BaseModel):
    name: str
    inhabitants: int
    rivers: list[str]


# A client that nobody holds closes its connections.
@functools.cache
def client(key=None):
    options = types.HttpOptions(base_url=os.environ["BASE_URL"])
    return genai.Client(api_key=key or os.environ["API_KEY"], http_options=options)


def ask(contents, **config):
    config = types.GenerateContentConfig(**config)
    return client().models.generate_content(model=MODEL, contents=contents, config=config)


def chats():
    answer = ask("hello", system_instruction="Be kind.", temperature=0.5, max_output_tokens=50)
    assert answer.text == WORDS, answer
    assert answer.candidates[0].finish_reason == "STOP", answer
    usage = answer.usage_metadata
    assert (usage.prompt_token_count, usage.candidates_token_count) == (19, 5), usage
    assert usage.cached_content_token_count == 4, usage


def chats_in_a_stream():
    stream = client().models.generate_content_stream(model=MODEL, contents="hello")
    chunks = list(stream)
    assert "".join(chunk.text or "" for chunk in chunks) == WORDS, chunks
    assert chunks[-1].candidates[0].finish_reason == "STOP", chunks
    assert chunks[-1].usage_metadata.total_token_count == 24, chunks


def chats_with_two_tools():
    contents = [types.UserContent("the weather in two cities?")]
    answer = ask(contents, tools=[WEATHER])
    cities = [call.args["city"] for call in answer.function_calls]
    assert cities == ["Paris", "Rome"], answer

    results = [
        types.Part(
            function_response=types.FunctionResponse(
                id=call.id, name=call.name, response={"result": "sunny"}
            )
        )
        for call in answer.function_calls
    ]
    contents += [answer.candidates[0].content, types.UserContent(results)]
    assert ask(contents, tools=[WEATHER]).text == WORDS


def chats_with_a_tool_in_a_stream():
    def weather(city: str) -> str:
        """The weather in a city"""
        cities.append(city)
        return "sunny"

    cities = []
    # The SDK calls the function, and comes back with what it said.
    config = types.GenerateContentConfig(tools=[weather])
    stream = client().models.generate_content_stream(
        model=MODEL, contents="the weather in Paris?", config=config
    )
    text = "".join(chunk.text or "" for chunk in stream)
    assert (cities, text) == (["Paris"], WORDS), (cities, text)


def chats_by_a_schema():
    kind = "application/json"
    answer = ask("hello", response_mime_type=kind, response_schema=City)
    assert answer.parsed == City(name="Paris", inhabitants=21, rivers=["Paris"]), answer


def sees_pictures():
    picture = types.Part.from_bytes(data=b"\x89PNG\r\n\x1a\n\x00", mime_type="image/png")
    assert ask([picture, "what is this?"]).text == WORDS


def thinks():
    thinking = types.ThinkingConfig(thinking_budget=2000, include_thoughts=True)
    answer = ask("hello", thinking_config=thinking, max_output_tokens=20000)
    assert answer.text == WORDS, answer
    assert answer.usage_metadata.total_token_count == 27, answer


def embeds():
    model = os.environ["EMBEDDING_MODEL"]
    answer = client().models.embed_content(model=model, contents="a")
    assert [it.values for it in answer.embeddings] == [[0.5, -0.25] * 4], answer


def counts_tokens():
    counted = client().models.count_tokens(model=MODEL, contents="hello")
    assert counted.total_tokens == 19, counted


def lists_models():
    names = [model.name for model in client().models.list()]
    assert any("gemini-2.5-flash" in name for name in names), names


def raises(code, ask):
    try:
        ask()
    except errors.ClientError as error:
        assert error.code == code, error
        return error
    raise AssertionError("no ClientError")


def is_told_of_a_bad_key():
    more = {"model": MODEL, "contents": "hello"}
    stranger = client(key="ks_not-ours")
    error = raises(401, lambda: stranger.models.generate_content(**more))
    assert error.status == "UNAUTHENTICATED", error.details
    other = client(key="ks_not-ours-either")
    stream = lambda: list(other.models.generate_content_stream(**more))
    raises(401, stream)


def is_told_of_an_unknown_model():
    for model in ("no-such-model", MODEL.split("/")[0] + "/no-such-model"):
        models = client().models
        error = raises(404, lambda: models.generate_content(model=model, contents="hello"))
        assert error.status == "NOT_FOUND", error.details
        stream = lambda: list(models.generate_content_stream(model=model, contents="hello"))
        raises(404, stream)


if __name__ == "__main__":
    for scenario in sys.argv[1:]:
        print(scenario, flush=True)
        globals()[scenario]()
