// What an application does with Anthropic's SDK, whoever has the model: only baseURL and apiKey are ours.
// Called with the names of scenarios; BASE_URL, API_KEY and MODEL say where, with what and whom to ask. An assertion
// that fails is an exit status that is not 0.

import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import { z } from "zod";
import { WORDS, run } from "./run.js";

const { API_KEY, BASE_URL, MODEL } = process.env;
const HELLO = { model: MODEL, max_tokens: 1000, messages: [{ role: "user", content: "hello" }] };
const TOOL = {
  name: "weather",
  description: "The weather in a city",
  input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};
const City = z.object({ name: z.string(), inhabitants: z.number().int() });

const client = (apiKey = API_KEY) => new Anthropic({ baseURL: BASE_URL, apiKey, maxRetries: 0 });

await run({
  async chats() {
    const message = await client().messages.create(HELLO);
    assert.equal(message.content[0].text, WORDS);
    assert.equal(message.usage.cache_read_input_tokens, 4);
  },

  async chats_in_a_stream() {
    const message = await client().messages.stream(HELLO).finalMessage();
    assert.equal(message.content[0].text, WORDS);
    assert.equal(message.stop_reason, "end_turn");
    assert.equal(message.usage.output_tokens, 5);
  },

  async chats_with_two_tools_in_a_stream() {
    const messages = [{ role: "user", content: "the weather in two cities?" }];
    const ask = () => client().messages.stream({ ...HELLO, messages, tools: [TOOL] });
    const { content, stop_reason } = await ask().finalMessage();
    const calls = content.filter((block) => block.type === "tool_use");
    assert.deepEqual(calls.map((call) => call.input.city), ["Paris", "Rome"]);
    assert.equal(stop_reason, "tool_use");

    const results = calls.map(({ id }) => {
      return { type: "tool_result", tool_use_id: id, content: "sunny" };
    });
    messages.push({ role: "assistant", content }, { role: "user", content: results });
    assert.equal(await ask().finalText(), WORDS);
  },

  async chats_by_a_schema() {
    const output_config = { format: zodOutputFormat(City) };
    const message = await client().messages.parse({ ...HELLO, output_config });
    assert.deepEqual(message.parsed_output, { name: "Paris", inhabitants: 21 });
  },

  async is_told_of_its_mistakes() {
    const unknown = { ...HELLO, model: "no-such-model" };
    await assert.rejects(client().messages.create(unknown), Anthropic.NotFoundError);
    const stranger = client("ks_not-ours").messages;
    const stream = stranger.stream(HELLO).finalMessage();
    await assert.rejects(stream, Anthropic.AuthenticationError);
  },
});
