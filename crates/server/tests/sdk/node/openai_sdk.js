// What an application does with OpenAI's SDK, whoever has the model: only baseURL and apiKey are ours.
// Called with the names of scenarios; BASE_URL, API_KEY and MODEL say where, with what and whom to ask. An assertion
// that fails is an exit status that is not 0.

import assert from "node:assert/strict";
import OpenAI from "openai";
import { zodTextFormat } from "openai/helpers/zod";
import { WORDS, run } from "./run.js";
import { z } from "zod";

const { API_KEY, BASE_URL, EMBEDDING_MODEL, MODEL } = process.env;
const HELLO = [{ role: "user", content: "hello" }];
const parameters = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};
const City = z.object({ name: z.string(), inhabitants: z.number().int() });

const client = (apiKey = API_KEY) => new OpenAI({ baseURL: BASE_URL, apiKey, maxRetries: 0 });
const chat = (more) => client().chat.completions.create({ model: MODEL, messages: HELLO, ...more });

await run({
  async chats() {
    const completion = await chat();
    assert.equal(completion.choices[0].message.content, WORDS);
    assert.equal(completion.usage.total_tokens, 24);
  },

  async chats_in_a_stream() {
    let [text, usage] = ["", null];
    for await (const chunk of await chat({ stream: true, stream_options: { include_usage: true } })) {
      text += chunk.choices[0]?.delta.content ?? "";
      usage = chunk.usage ?? usage;
    }
    assert.equal(text, WORDS);
    assert.equal(usage.completion_tokens, 5);
  },

  async chats_with_two_tools() {
    const cities = [];
    const weather = ({ city }) => {
      cities.push(city);
      return "sunny";
    };
    // The SDK calls the function, and comes back with what it said.
    const runner = client().chat.completions.runTools({
      model: MODEL,
      messages: [{ role: "user", content: "the weather in two cities?" }],
      tools: [
        {
          type: "function",
          function: { name: "weather", parameters, function: weather, parse: JSON.parse },
        },
      ],
      stream: true,
    });
    assert.equal(await runner.finalContent(), WORDS);
    assert.deepEqual(cities, ["Paris", "Rome"]);
  },

  async responds_in_a_stream() {
    const stream = client().responses.stream({
      model: MODEL,
      input: "hello",
      store: false,
      text: { format: zodTextFormat(City, "city") },
    });
    const response = await stream.finalResponse();
    assert.deepEqual(response.output_parsed, { name: "Paris", inhabitants: 21 });
  },

  async responds_with_a_tool() {
    const tools = [{ type: "function", name: "weather", strict: true, parameters }];
    const input = [{ role: "user", content: "the weather?" }];
    const ask = () => client().responses.create({ model: MODEL, input, tools, store: false });
    const { output } = await ask();
    const call = output.find((item) => item.type === "function_call");
    assert.deepEqual(JSON.parse(call.arguments), { city: "Paris" });

    const result = { type: "function_call_output", call_id: call.call_id, output: "sunny" };
    input.push(...output, result);
    assert.equal((await ask()).output_text, WORDS);
  },

  async embeds() {
    const answer = await client().embeddings.create({ model: EMBEDDING_MODEL, input: ["a", "b"] });
    assert.equal(answer.data.length, 2);
    assert.deepEqual(answer.data[0].embedding.slice(0, 2), [0.5, -0.25]);
  },

  async is_told_of_its_mistakes() {
    const more = { model: MODEL, messages: HELLO };
    await assert.rejects(chat({ model: "no-such-model" }), OpenAI.NotFoundError);
    const response = client().responses.create({ model: "no-such-model", input: "hello" });
    await assert.rejects(response, OpenAI.NotFoundError);
    const stranger = client("ks_not-ours");
    await assert.rejects(stranger.chat.completions.create(more), OpenAI.AuthenticationError);
  },
});
