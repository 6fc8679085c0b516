"""The API, the chat page and the desk. Imports neither Prefect nor the flows."""
