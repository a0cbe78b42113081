"""Models on servers that speak OpenAI's API: `openai/`, `ollama/`, `gemini/` and named servers."""
