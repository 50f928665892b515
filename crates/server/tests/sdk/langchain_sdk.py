"""What an application does with LangChain, whoever has the model: only the base URL and the key are ours.

Called with the names of scenarios; BASE_URL, API_KEY and MODEL say where, with what and whom to ask, DIALECT with
whose class. An assertion that fails is an exit status that is not 0.
"""

import os
import sys

import anthropic
import openai
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

WORDS = "Hello from the fäke 🦀"
IS_ANTHROPIC = os.environ["DIALECT"] == "anthropic"


class City(BaseModel):
    """A city of some size"""

    name: str
    inhabitants: int


@tool
def weather(city: str) -> str:
    """The weather in a city"""
    return f"sunny in {city}"


def model(**options):
    kind = ChatAnthropic if IS_ANTHROPIC else ChatOpenAI
    options = {"api_key": os.environ["API_KEY"], "model": os.environ["MODEL"], **options}
    return kind(base_url=os.environ["BASE_URL"], max_retries=0, **options)


def chats():
    answer = model().invoke("hello")
    assert answer.text == WORDS, answer
    usage = answer.usage_metadata
    assert (usage["input_tokens"], usage["output_tokens"]) == (19, 5), usage
    assert usage["input_token_details"]["cache_read"] == 4, usage


def chats_in_a_stream():
    # ChatOpenAI asks for usage only where it knows the host; ChatAnthropic is always told.
    chunks = list(model(stream_usage=True).stream("hello"))
    assert "".join(chunk.text for chunk in chunks) == WORDS, chunks
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    assert whole.usage_metadata["total_tokens"] == 24, whole


def chats_with_two_tools():
    with_tools = model().bind_tools([weather])
    messages = [HumanMessage("the weather in two cities?")]
    answer = with_tools.invoke(messages)
    assert [call["args"]["city"] for call in answer.tool_calls] == ["Paris", "Rome"], answer

    messages.append(answer)
    messages += [weather.invoke(call) for call in answer.tool_calls]
    assert with_tools.invoke(messages).text == WORDS


def chats_with_a_tool_in_a_stream():
    chunks = list(model().bind_tools([weather]).stream("the weather?"))
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    [call] = whole.tool_calls
    assert (call["name"], call["args"]) == ("weather", {"city": "Paris"}), whole


def chats_by_a_schema():
    for method in ("json_schema", "function_calling"):
        city = model().with_structured_output(City, method=method).invoke("hello")
        assert city == City(name="Paris", inhabitants=21), (method, city)


def embeds():
    embeddings = OpenAIEmbeddings(
        base_url=os.environ["BASE_URL"],
        api_key=os.environ["API_KEY"],
        model=os.environ["EMBEDDING_MODEL"],
        # Else it asks a server of OpenAI's how long a text is.
        check_embedding_ctx_length=False,
    )
    assert embeddings.embed_documents(["a", "b"]) == [[0.5, -0.25] * 4] * 2


def is_told_of_its_mistakes():
    sdk = anthropic if IS_ANTHROPIC else openai
    for kind, wrong in (
        (sdk.NotFoundError, {"model": "no-such-model"}),
        (sdk.AuthenticationError, {"api_key": "ks_not-ours"}),
    ):
        try:
            model(**wrong).invoke("hello")
        except kind:
            continue
        raise AssertionError(f"no {kind.__name__}")


if __name__ == "__main__":
    for scenario in sys.argv[1:]:
        print(scenario, flush=True)
        globals()[scenario]()
