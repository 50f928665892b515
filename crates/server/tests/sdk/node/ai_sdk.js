// What an application does with Vercel's AI SDK, whoever has the model: only baseURL and apiKey are ours.
// Called with the names of scenarios; BASE_URL, API_KEY and MODEL say where, with what and whom to ask, DIALECT with
// whose provider. An assertion that fails is an exit status that is not 0.

import assert from "node:assert/strict";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogle } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, Output, embed, generateText, isStepCount, streamText, tool } from "ai";
import { z } from "zod";
import { WORDS, run } from "./run.js";

const { API_KEY, BASE_URL, DIALECT } = process.env;
// Google's provider takes a name with a slash for a path of its own.
const named = (name) => (DIALECT === "gemini" ? name?.replace("/", ".") : name);
const [MODEL, EMBEDDING_MODEL] = [process.env.MODEL, process.env.EMBEDDING_MODEL].map(named);
const create = { anthropic: createAnthropic, chat: createOpenAI, gemini: createGoogle, responses: createOpenAI };

const provider = (apiKey = API_KEY) => create[DIALECT]({ baseURL: BASE_URL, apiKey });
const model = (name = MODEL, key = API_KEY) =>
  DIALECT === "chat" ? provider(key).chat(name) : provider(key)(name);
const ask = { maxRetries: 0, prompt: "hello" };

const weather = (cities) =>
  tool({
    description: "The weather in a city",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => {
      cities.push(city);
      return "sunny";
    },
  });

await run({
  async chats() {
    const { text, usage, finishReason } = await generateText({ ...ask, model: model() });
    assert.equal(text, WORDS);
    assert.equal(finishReason, "stop");
    assert.deepEqual([usage.inputTokens, usage.outputTokens], [19, 5]);
  },

  async chats_in_a_stream() {
    const result = streamText({ ...ask, model: model() });
    let text = "";
    for await (const piece of result.textStream) text += piece;
    assert.equal(text, WORDS);
    assert.equal((await result.usage).totalTokens, 24);
  },

  async chats_with_two_tools() {
    const cities = [];
    const { text, steps } = await generateText({
      ...ask,
      model: model(),
      prompt: "the weather in two cities?",
      tools: { weather: weather(cities) },
      stopWhen: isStepCount(3),
    });
    assert.deepEqual(cities, ["Paris", "Rome"]);
    assert.deepEqual([text, steps.length], [WORDS, 2]);
  },

  async chats_with_a_tool_in_a_stream() {
    const cities = [];
    const result = streamText({
      ...ask,
      model: model(),
      prompt: "the weather?",
      tools: { weather: weather(cities) },
      stopWhen: isStepCount(3),
    });
    assert.equal(await result.text, WORDS);
    assert.deepEqual(cities, ["Paris"]);
  },

  async chats_by_a_schema() {
    const schema = z.object({ name: z.string(), inhabitants: z.number() });
    const output = Output.object({ schema });
    const result = await generateText({ ...ask, model: model(), output });
    assert.deepEqual(result.output, { name: "Paris", inhabitants: 21 });
  },

  async embeds() {
    const embedder = provider().embeddingModel(EMBEDDING_MODEL);
    const { embedding } = await embed({ model: embedder, value: "a", maxRetries: 0 });
    assert.deepEqual(embedding.slice(0, 2), [0.5, -0.25]);
  },

  async is_told_of_its_mistakes() {
    for (const [wrong, status] of [
      [model("no-such-model"), 404],
      [model(MODEL, "ks_not-ours"), 401],
    ]) {
      await assert.rejects(generateText({ ...ask, model: wrong }), (error) => {
        assert.ok(APICallError.isInstance(error), error);
        assert.equal(error.statusCode, status);
        return true;
      });
    }
  },
});
